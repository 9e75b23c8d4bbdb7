"""The drill: a backup, restored beside production, verified and compared, timed and removed."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from core import clock
from jobs.backup import look
from jobs.backup.catalogue import Backup, Catalogue
from jobs.backup.database import open_database
from jobs.backup.make import BASE, make_backup
from jobs.backup.programs import BackupFailed
from jobs.backup.restore import Restored, restore_backup
from jobs.backup.stopwatch import Stopwatch

# Of a cluster its backup and its copy, and what recovery writes.
ROOM = 2.3
_BYTES = "select sum(pg_database_size(oid))::bigint from pg_database"
Row = dict[str, Any]


def run_drill(
    catalogue: Catalogue, url: str, *, scratch: Path | None = None, newest: bool = False
) -> Row:
    """Do a drill; return its report, which is also a line of the catalogue's `drills.ndjson`.

    It makes a new backup, or with `newest` takes the newest that there is, with the log followed
    since. Production is read, never written. `ok` says whether all of it holds, and if not,
    `reason` why. What it needs is in a folder in `scratch`, by default beside the backups, and is
    removed whatever happens.
    """
    began, watch = clock.now(), Stopwatch()
    catalogue.make_folder()
    scratch = scratch or catalogue.folder
    folder = Path(tempfile.mkdtemp(prefix=".drill-", dir=scratch))
    folder.chmod(0o711)  # whom Postgres runs as has to reach its data
    report: Row = {"at": clock.rfc3339(began), "backup": None}
    try:
        with watch.part("all"):
            restored = _restore(catalogue, url, folder, newest, watch, report)
        report |= {**restored.as_dict(), "data": None}
        report["ok"] = restored.ok and not report["production"]["different"]
        if not report["ok"]:
            report["reason"] = "The restored log is not what production has."
    except BackupFailed as failed:
        report |= {"ok": False, "reason": failed.message}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report["seconds"] = watch.seconds
    _write_line(catalogue, report)
    return report


def _restore(
    catalogue: Catalogue, url: str, folder: Path, newest: bool, watch: Stopwatch, report: Row
) -> Restored:
    source = catalogue if newest else Catalogue(folder / "backups")
    backup = source.newest() if newest else _make(source, url, watch)
    report |= {"backup": backup.name, "bytes": backup.bytes[BASE]}

    def compare(restored: str) -> None:
        with watch.part("compare"):
            report["production"] = look.compare_heads(restored)

    return restore_backup(source, backup, folder / "restored", watch=watch, then=compare)


def _make(catalogue: Catalogue, url: str, watch: Stopwatch) -> Backup:
    with open_database(url) as connection:
        [needed] = connection.execute(_BYTES).fetchone() or (0,)
    free = shutil.disk_usage(catalogue.folder.parent).free
    if free < needed * ROOM:
        raise BackupFailed(
            f"The drill needs {needed * ROOM / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free: name "
            "a larger disk with --scratch."
        )
    return make_backup(catalogue, url, watch=watch)


def _write_line(catalogue: Catalogue, report: Row) -> None:
    with catalogue.drills.open("a") as file:
        file.write(json.dumps(report) + "\n")
