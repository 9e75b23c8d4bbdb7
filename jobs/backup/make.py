"""One backup: the cluster by pg_basebackup, checked by pg_verifybackup, and the files beside it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db.migrations.recorder import MigrationRecorder

from core import clock
from core.version import running_version
from jobs.backup import storages
from jobs.backup.catalogue import Backup, Catalogue
from jobs.backup.database import open_database
from jobs.backup.programs import BackupFailed, find_programs, run_program
from jobs.backup.stopwatch import Stopwatch
from jobs.integrity.seals import key

BASE = "base"
MANIFEST = "backup_manifest"
_STARTED_IN = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", re.MULTILINE)
_ABOUT = """
select current_setting('server_version_num')::int / 10000, system_identifier::text,
       current_database(), pg_get_userbyid(datdba)
from pg_control_system(), pg_database where datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup has to know of the server that it is of."""

    major: int
    system: str
    database: str
    owner: str


def ask_server(url: str) -> About:
    """Return what is known of the server at an address; BackupFailed if it does not answer."""
    try:
        with open_database(url) as connection:
            row = connection.execute(_ABOUT).fetchone()
    except psycopg.Error as error:
        raise BackupFailed(f"The database cannot be asked: {str(error).strip()}") from error
    return About(*row) if row else About(0, "", "", "")


def make_backup(
    catalogue: Catalogue, url: str, *, keys: Path | None = None, watch: Stopwatch | None = None
) -> Backup:
    """Make a backup of the cluster at `url`, and of the files of seals and archives.

    `url` is that of a role with the attribute REPLICATION. `keys` is a folder for the keys, away
    from the catalogue. BackupFailed, and nothing is left, where any part cannot be done.
    """
    watch, about, began = watch or Stopwatch(), ask_server(url), clock.now()
    if keys is not None:
        storages.copy_keys(keys, catalogue.folder)
    folder = catalogue.folder / began.strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    catalogue.make_folder()
    folder.mkdir(mode=0o700)
    try:
        with watch.part("base"):
            _copy_base(about, url, folder / BASE)
        with watch.part("files"):
            files = _copy_files(catalogue, folder)
        made = Backup(
            name=folder.name,
            started_at=clock.rfc3339(began),
            finished_at=clock.rfc3339(clock.now()),
            **_read_base(folder / BASE),
            postgres=about.major,
            system=about.system,
            database=about.database,
            owner=about.owner,
            version=running_version(),
            migration=newest_migration(),
            seal_key=key.known_key(),
            keys=str(keys.expanduser().resolve()) if keys else None,
            bytes={name: count_bytes(folder / name) for name in (BASE, *storages.NAMES)},
            files=files,
        )
        storages.sync_tree(folder)
        made.write(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def newest_migration() -> str:
    """Return the newest migration of the jobs that the database has."""
    applied = MigrationRecorder.Migration.objects.filter(app="jobs").order_by("-name")
    return str(applied.values_list("name", flat=True).first() or "")


def count_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _copy_base(about: About, url: str, to: Path) -> None:
    programs = find_programs(about.major)
    run_program(
        programs, "pg_basebackup", "--pgdata", str(to), "--format", "plain", "--wal-method",
        "stream", "--checkpoint", "fast", "--manifest-checksums", "SHA256", "--no-password",
        url=url,
    )  # fmt: skip
    run_program(programs, "pg_verifybackup", "--quiet", str(to))


def _copy_files(catalogue: Catalogue, folder: Path) -> dict[str, Mapping[str, str]]:
    before = catalogue.backups()[-1:]
    made = dict[str, Mapping[str, str]]()
    for name in storages.NAMES:
        old = catalogue.of(before[0]) / name if before else None
        known = before[0].files.get(name, {}) if before else {}
        made[name] = storages.copy_storage(name, folder / name, old, known)
    return made


def _read_base(base: Path) -> dict[str, Any]:
    """Return what a base backup says of itself: from where to where its log goes."""
    manifest: dict[str, Any] = json.loads((base / MANIFEST).read_text())
    [wal, *_] = manifest["WAL-Ranges"]
    began = _STARTED_IN.search((base / "backup_label").read_text())
    return {
        "lsn": wal["Start-LSN"],
        "end_lsn": wal["End-LSN"],
        "timeline": wal["Timeline"],
        "first_wal": began[1] if began else "",
        "manifest_sha256": storages.sum_of(base / MANIFEST),
    }
