"""The folder of backups: each with its `backup.json`, the write-ahead log beside them all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from core import clock
from core.files import whole_file
from jobs.backup.programs import BackupFailed, find_programs, run_program

RECORD = "backup.json"
WAL = "wal"
DRILLS = "drills.ndjson"


@dataclass(frozen=True, slots=True)
class Backup:
    """What `backup.json` says: a backup that is whole.

    `lsn` is where its recovery begins and `end_lsn` from where it is consistent; `first_wal` the
    first file of the write-ahead log that it needs. `bytes` and `files` (SHA-256 of each) are by
    the names of its folders.
    """

    name: str
    started_at: str
    finished_at: str
    lsn: str
    end_lsn: str
    timeline: int
    first_wal: str
    postgres: int
    system: str
    database: str
    owner: str
    version: str
    migration: str
    manifest_sha256: str
    seal_key: str | None = None
    keys: str | None = None
    bytes: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the backup in a folder; ValueError or OSError if there is none that is whole."""
        kept: dict[str, Any] = json.loads((folder / RECORD).read_text())
        try:
            return cls(**{name: kept[name] for name in cls.__dataclass_fields__})
        except KeyError as missing:
            raise ValueError(f"{folder / RECORD} has no {missing}") from missing

    def write(self, folder: Path) -> None:
        """Keep it, as the last file of a backup."""
        with whole_file(folder / RECORD) as file:
            file.write(json.dumps(asdict(self), indent=2).encode() + b"\n")

    @property
    def ended(self) -> datetime:
        """The moment from which it can be restored to any other."""
        return clock.parse(self.finished_at)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The backups in a folder."""

    folder: Path

    @property
    def wal(self) -> Path:
        """The folder of the write-ahead log that `backup --follow` keeps."""
        return self.folder / WAL

    @property
    def drills(self) -> Path:
        """The file with a line for each drill."""
        return self.folder / DRILLS

    def make_folder(self) -> None:
        """Make the folder: only its owner lists it and reads what is in it.

        Others pass through, for the user that Postgres runs as in a drill.
        """
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)

    def of(self, backup: Backup) -> Path:
        """Return the folder of a backup."""
        return self.folder / backup.name

    def backups(self) -> list[Backup]:
        """Return the backups that are whole, the oldest first."""
        found = []
        for record in self.folder.glob(f"*/{RECORD}"):
            try:
                found.append(Backup.read(record.parent))
            except (OSError, ValueError):
                continue  # removed meanwhile, or of a version to come
        return sorted(found, key=lambda backup: backup.ended)

    def newest(self) -> Backup:
        """Return the newest backup; BackupFailed where there is none."""
        return self.before(None)

    def named(self, name: str) -> Backup:
        """Return the backup of a name; BackupFailed where there is none."""
        for backup in self.backups():
            if backup.name == name:
                return backup
        raise BackupFailed(f"There is no backup {name} in {self.folder}.")

    def before(self, moment: datetime | None) -> Backup:
        """Return the newest backup that had ended by a moment; BackupFailed where none had."""
        found = [one for one in self.backups() if moment is None or one.ended <= moment]
        if not found:
            by = f" that had ended by {clock.rfc3339(moment)}" if moment else ""
            raise BackupFailed(f"There is no backup in {self.folder}{by}.")
        return found[-1]

    def keep(self, count: int) -> list[str]:
        """Remove all backups but the newest, and the log that only those need; return which."""
        kept = self.backups()
        removed, kept = kept[:-count], kept[-count:]
        for backup in removed:
            (self.of(backup) / RECORD).unlink()  # from here on it is none
            shutil.rmtree(self.of(backup))
        if removed and self.wal.is_dir():
            programs = find_programs(kept[0].postgres)
            run_program(programs, "pg_archivecleanup", str(self.wal), kept[0].first_wal)
        return [backup.name for backup in removed]
