"""A data folder as of a moment: copied, checked, recovered, verified, and left whole."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core import clock
from core.records.seal_text import file_name, number_of, parse_seal
from jobs.backup import look, storages, verify
from jobs.backup.catalogue import WAL, Backup, Catalogue
from jobs.backup.make import BASE, MANIFEST
from jobs.backup.programs import BackupFailed, find_programs, hand_over, require_reach, run_program
from jobs.backup.server import PrivateServer
from jobs.backup.stopwatch import Stopwatch
from jobs.backup.wal import stage_wal

DATA = "data"
LOG = "recovery.log"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore: `ok` unless the log in it is bad."""

    backup: str
    data: str
    until: str | None
    content: Row
    verified: Row
    followers: list[str]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every chain holds, and every seal that this moment can have."""
        return not self.verified["bad_count"]

    def as_dict(self) -> Row:
        """Return it as JSON values."""
        return {"ok": self.ok, **asdict(self)}


def restore_backup(
    catalogue: Catalogue,
    backup: Backup,
    to: Path,
    *,
    until: datetime | None = None,
    keys: Sequence[str] = (),
    watch: Stopwatch | None = None,
    then: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restore a backup into a new folder: `data` for Postgres, and `seals` and `archive`.

    With `until` it ends after the last transaction that had committed by then, else with the last
    that the write-ahead log has. `keys` are the public keys whose seals count; by default the one
    that the backup names. `then` gets the address of the database while it is up. BackupFailed
    where the backup is damaged or does not reach so far.
    """
    watch = watch or Stopwatch()
    if to.exists():
        raise BackupFailed(f"{to} is there already: restore into a new folder.")
    try:
        with watch.part("copy"):
            wal = _lay_out(catalogue, backup, to)
        with PrivateServer(to / DATA, backup.postgres, to / LOG, _target(wal, until)) as server:
            with watch.part("recover"):
                server.wait_ready(backup.owner, backup.database)
            url = server.url(backup.owner, backup.database)
            content, verified = _examine(backup, url, to, keys, watch)
            then(url)
        shutil.rmtree(to / WAL, ignore_errors=True)
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise
    return Restored(
        backup=backup.name,
        data=str(to / DATA),
        until=clock.rfc3339(until) if until else None,
        content=content,
        verified=verified,
        followers=look.follower_words(content),
        seconds=watch.seconds,
    )


def _lay_out(catalogue: Catalogue, backup: Backup, to: Path) -> Path:
    """Copy all that a restore needs, checked; return the folder of the write-ahead log."""
    source, data = catalogue.of(backup), to / DATA
    if storages.sum_of(source / BASE / MANIFEST) != backup.manifest_sha256:
        raise BackupFailed(f"{source / BASE / MANIFEST} was changed after the backup.")
    to.mkdir(mode=0o755, parents=True)
    require_reach(to)
    shutil.copytree(source / BASE, data, symlinks=True)
    run_program(find_programs(backup.postgres), "pg_verifybackup", "--quiet", str(data))
    newest = catalogue.newest()  # it has the files of all others, and later ones
    for name, sums in newest.files.items():
        storages.copy_back(catalogue.of(newest) / name, to / name, sums)
        storages.add_later(name, to / name)
    (data / "recovery.signal").touch()
    hand_over(data)
    return stage_wal(catalogue, backup, to / WAL)


def _examine(
    backup: Backup, url: str, to: Path, keys: Sequence[str], watch: Stopwatch
) -> tuple[Row, Row]:
    """Migrate and verify a restored database; return what is in it, and what came of that."""
    env = verify.restored_environment(url, to)
    if look.lacks_migrations(url):
        with watch.part("migrate"):
            verify.migrate(env)
    content = look.read_content(url)
    with watch.part("verify"):
        trusted = keys or ([backup.seal_key] if backup.seal_key else [])
        last_file = max(filter(None, map(number_of, os.listdir(to / "seals"))), default=0)
        verified = verify.verify_all(env, content["seal"], last_file, trusted)
    return content, verified


def moment_of_seal(catalogue: Catalogue, number: int) -> datetime:
    """Return the moment whose heads a seal in the backups vouches for; BackupFailed without it."""
    newest = catalogue.newest()
    try:
        with (catalogue.of(newest) / "seals" / file_name(number)).open() as file:
            return clock.parse(parse_seal(file.readline().rstrip("\n")).at)
    except (OSError, ValueError) as error:
        raise BackupFailed(f"The backup {newest.name} has no seal {number}.") from error


def _target(wal: Path, until: datetime | None) -> dict[str, str]:
    """Return Postgres' settings for a recovery to a moment, from the log that was followed."""
    folder = shlex.quote(str(wal.resolve())).replace("%", "%%")
    # The file that is being written is there under another name until it is full.
    command = f'cp {folder}/%f "%p" || cp {folder}/%f.partial "%p"'
    if until is None:
        return {"restore_command": command}
    return {
        "restore_command": command,
        "recovery_target_time": until.isoformat(),
        "recovery_target_action": "promote",
    }
