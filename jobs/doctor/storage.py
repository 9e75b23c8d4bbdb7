"""Checks of what is kept outside the database: disk, archives, seals and backups."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages

from core import clock
from core.words import counted
from jobs.doctor.check import Check, Doubt, Flaw
from jobs.doctor.database import MIGRATIONS
from jobs.integrity.seals.files import file_numbers
from jobs.models import Archive, Seal

GIB = 1024**3
FREE_BYTES = GIB
FREE_SHARE = 0.05
BACKUP_HOURS, OLDEST_BACKUP_HOURS = 26, 8 * 24


def storage_checks(backups: Path) -> list[Check]:
    """Return the checks of what is kept in files; `backups` is the folder with the catalogue."""
    return [
        Check("disk", check_disk),
        Check("archives", check_archives, MIGRATIONS),
        Check("seals", check_seals, MIGRATIONS),
        Check("backups", partial(check_backups, backups)),
    ]


def check_disk() -> str:
    """Look how much room there is where the state folder is, and whether it can be written."""
    place: Path = settings.REPRISE.state
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    free = f"{usage.free / GIB:,.1f} GiB of {usage.total / GIB:,.1f} free at {place}"
    if usage.free < FREE_BYTES or usage.free < FREE_SHARE * usage.total:
        raise Flaw(f"{free}: make room")
    return free


def check_archives() -> str:
    """Look whether the archives of months that were dropped are in their storage."""
    storage = storages["archive"]
    dropped = Archive.objects.filter(dropped_at__isnull=False).order_by("month")
    names = [name for one in dropped for name in (one.name, one.seals) if name]
    lost = [name for name in names if not storage.exists(name)]
    if lost:
        raise Flaw(
            f"{', '.join(lost[:3])} not there ({counted(len(lost), 'file')}): let REPRISE_ARCHIVE "
            "name where they are, or restore them: they are the only copy"
        )
    if not names:
        storage.exists("reprise")  # raises if the storage cannot be reached
    return f"{counted(len(names), 'file')} of dropped months, all there"


def check_seals() -> str:
    """Look whether the last seal's file is in its storage."""
    last = Seal.objects.order_by("-number").first()
    if last is None:
        return "none yet"
    try:
        numbers = file_numbers()
    except PermissionError:
        numbers = []
    if not numbers:
        return f"seal {last.number}; its file is elsewhere: run doctor as the sealer's user, too"
    if last.number not in numbers:
        raise Flaw(f"no file of seal {last.number} here, the last of {numbers[-1]}: restore it")
    return f"the file of seal {last.number} is there; copy them to where this host cannot write"


def check_backups(folder: Path) -> str:
    """Look how old the newest finished backup of a catalogue is."""
    if not folder.is_dir():
        raise Doubt(f"no folder {folder}: make a backup, or name where they are by REPRISE_BACKUPS")
    ends = sorted(_finished(folder))
    if not ends:
        raise Flaw(f"no finished backup in {folder}: make one")
    hours = (clock.now() - ends[-1]).total_seconds() / 3600
    said = f"the newest in {folder} was finished {hours:,.0f} h ago"
    if hours > OLDEST_BACKUP_HOURS:
        raise Flaw(f"{said}: make one, and look why none was made")
    if hours > BACKUP_HOURS:
        raise Doubt(f"{said}: make one each day")
    return said


def _finished(folder: Path) -> Iterator[datetime]:
    for path in folder.glob("*/backup.json"):
        try:
            yield clock.parse(str(json.loads(path.read_text())["finished_at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Flaw(f"{path} cannot be read: {error}") from error
