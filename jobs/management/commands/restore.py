"""`manage.py restore --to DIR`: a data folder as of a moment, verified."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core.records.keys import read_public
from core.words import counted
from jobs.backup import Catalogue, restore_backup
from jobs.backup.restore import Restored, moment_of_seal
from jobs.management.base import ServiceCommand, moment_argument


class Command(ServiceCommand):
    help = (
        "Restore a backup into a new folder as of a moment: Postgres recovers it, every chain and "
        "seal is verified, and what followers will see is said. Production is not touched. Exits "
        "with 1 if anything in it is bad."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what to restore, where to and as of when."""
        parser.add_argument("--to", type=Path, required=True, help="a folder that is not there yet")
        parser.add_argument(
            "--from", type=Path, dest="source", help="the folder of backups (REPRISE_BACKUPS)"
        )
        when = parser.add_mutually_exclusive_group()
        when.add_argument(
            "--at", type=moment_argument, metavar="TIME", help="as of this moment (the latest)"
        )
        when.add_argument(
            "--seal", type=int, metavar="N", help="as of the moment that seal N vouches for"
        )
        parser.add_argument("--backup", help="which backup (the newest that had ended by then)")
        parser.add_argument(
            "--key", action="append", default=[], metavar="PUBLICKEY",
            help="whose seals count: a PEM file or 64 hex digits; may be repeated (the backup's)",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(
        self, *_: Any, to: Path, source: Path | None, at: datetime | None, seal: int | None,
        backup: str | None, key: list[str], json: bool, **__: Any,
    ) -> None:  # fmt: skip
        """Restore, and say what is there; CommandError if it is bad."""
        catalogue = Catalogue((source or settings.REPRISE.backups).expanduser().resolve())
        try:
            keys = [read_public(text) for text in key]
        except ValueError as error:
            raise CommandError(str(error)) from error
        until = moment_of_seal(catalogue, seal) if seal is not None else at
        chosen = catalogue.named(backup) if backup else catalogue.before(until)
        restored = restore_backup(catalogue, chosen, to.resolve(), until=until, keys=keys)
        self.stdout.write(_as_json(restored) if json else _as_words(restored))
        if not restored.ok:
            raise CommandError(f"Bad: {restored.verified['bad_count']} jobs or seals.")


def _as_json(restored: Restored) -> str:
    return json.dumps(restored.as_dict())


def _as_words(restored: Restored) -> str:
    content, verified = restored.content, restored.verified
    until = restored.until or "its latest moment"
    lines = [
        f"Restored {restored.backup} as of {until}: {restored.data}",
        f"{counted(content['jobs'], 'job')}, {counted(content['events'], 'event')}, the newest of "
        f"{content['newest_event_at']}.",
        f"Verified: {counted(verified['jobs'], 'job')}, {counted(verified['seals'], 'seal')}, "
        f"{verified['bad_count']} bad.",
        *(f"  {json.dumps(one)}" for one in verified["bad"]),
    ]
    if newer := [one["seal"] for one in verified["newer_seals"]]:
        lines.append(
            f"Seals {newer[0]} to {newer[-1]} are newer than this moment: see seal --acknowledge."
        )
    if unfiled := [one["seal"] for one in verified["unfiled_seals"]]:
        lines.append(f"The files of seals {unfiled[0]} to {unfiled[-1]} are lost: verify says so.")
    seconds = ", ".join(f"{name} {value} s" for name, value in restored.seconds.items())
    return "\n".join([*lines, *restored.followers, f"Took: {seconds}."])
