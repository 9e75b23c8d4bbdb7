"""`manage.py backup`: the database and the files beside it, for `restore`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core.words import counted
from jobs.backup import Backup, Catalogue, make_backup
from jobs.backup.wal import SLOT, follow_command
from jobs.management.base import ServiceCommand
from jobs.management.options import add_owner_url, owner_url
from jobs.system_log.stream import record_upkeep


class Command(ServiceCommand):
    help = (
        "Copy the whole cluster, checked by pg_verifybackup, and the files of seals and archives. "
        "With --follow, keep the write-ahead log as it is written, so that every later moment can "
        "be restored: run that all the time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where to, and what to do."""
        parser.add_argument("--to", type=Path, help="the folder of backups (REPRISE_BACKUPS)")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--follow", action="store_true", help="keep the write-ahead log")
        what.add_argument("--list", action="store_true", help="list the backups, make none")
        parser.add_argument(
            "--keep", type=int, metavar="N",
            help="then remove all backups but the newest N, and the log that only those need",
        )  # fmt: skip
        parser.add_argument(
            "--keys", type=Path, metavar="DIR",
            help="also copy the keys, into a folder away from the backups",
        )  # fmt: skip
        parser.add_argument(
            "--slot", default=SLOT, help=f"the replication slot that --follow makes ({SLOT})"
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        add_owner_url(parser)

    def handle(
        self, *_: Any, to: Path | None, follow: bool, list: bool, keep: int | None,
        keys: Path | None, slot: str, json: bool, **options: Any,
    ) -> None:  # fmt: skip
        """Make a backup, or list them, or become what follows the log."""
        catalogue = Catalogue((to or settings.REPRISE.backups).expanduser().resolve())
        if keep is not None and keep < 1:
            raise CommandError("--keep must leave at least 1 backup.")
        if list:
            self._write_backups(catalogue.backups(), json)
            return
        url = owner_url(options)
        if follow:
            become(*follow_command(catalogue, url, slot))
        made = make_backup(catalogue, url, keys=keys)
        removed = catalogue.keep(keep) if keep else []
        record_upkeep("backup", f"Made the backup {made.name}")
        self._write_backups([made], json)
        if not json:
            self._write_notes(catalogue, made, removed)

    def _write_backups(self, backups: list[Backup], as_json: bool) -> None:
        for backup in backups:
            size = counted(sum(backup.bytes.values()), "byte")
            log = f"{backup.lsn} to {backup.end_lsn}"
            words = f"{backup.name}  ended {backup.finished_at}, {size}, {log}"
            self.stdout.write(json.dumps(asdict(backup)) if as_json else words)

    def _write_notes(self, catalogue: Catalogue, made: Backup, removed: list[str]) -> None:
        if removed:
            self.stdout.write(f"Removed: {', '.join(removed)}")
        if made.keys is None:
            self.stdout.write("The keys are not in it: copy them elsewhere, with --keys.")
        if not catalogue.wal.is_dir():
            self.stdout.write(
                "No write-ahead log is kept: it can be restored to its own moment, and to no later "
                "one. Run backup --follow."
            )


def become(command: list[str], env: dict[str, str]) -> NoReturn:
    """Become a program: it gets the signals itself, and the service manager restarts it."""
    os.execve(command[0], command, env)  # noqa: S606
