"""`manage.py drill`: is what the backups hold restorable? Done, timed, and removed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core.db import read_only_sessions
from core.words import counted
from jobs.backup import Catalogue, run_drill
from jobs.management.base import ServiceCommand
from jobs.management.options import add_owner_url, owner_url


class Command(ServiceCommand):
    help = (
        "Make a backup, restore it beside production, verify every chain and seal, hold every log "
        "against production's, time each part, and remove it all. Reads production only. Adds a "
        "line to drills.ndjson in the folder of backups; exits with 1 if anything is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what to drill, and where."""
        parser.add_argument("--to", type=Path, help="the folder of backups (REPRISE_BACKUPS)")
        parser.add_argument(
            "--newest", action="store_true",
            help="restore the newest backup and the log kept since, in place of a new backup",
        )  # fmt: skip
        parser.add_argument("--scratch", type=Path, help="a disk with room (beside the backups)")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        add_owner_url(parser)

    def handle(
        self, *_: Any, to: Path | None, newest: bool, scratch: Path | None, json: bool,
        **options: Any,
    ) -> None:  # fmt: skip
        """Do the drill; CommandError with the reason if it fails."""
        catalogue = Catalogue((to or settings.REPRISE.backups).expanduser().resolve())
        with read_only_sessions():
            report = run_drill(catalogue, owner_url(options), scratch=scratch, newest=newest)
        self.stdout.write(_as_json(report) if json else _as_words(report))
        if not report["ok"]:
            raise CommandError(str(report["reason"]))


def _as_json(report: dict[str, Any]) -> str:
    return json.dumps(report)


def _as_words(report: dict[str, Any]) -> str:
    seconds = ", ".join(f"{name} {value} s" for name, value in report["seconds"].items())
    if "verified" not in report:
        return f"Failed. Took: {seconds}."
    verified, beside = report["verified"], report["production"]
    return (
        f"Restored {report['backup']}: {counted(verified['jobs'], 'job')}, "
        f"{counted(verified['events'], 'event')} and {counted(verified['seals'], 'seal')} "
        f"verified, {verified['bad_count']} bad.\n"
        f"Beside production: {beside['same']} jobs are the same, {beside['behind']} have gone on "
        f"since ({beside['events_behind']} events), {len(beside['different'])} are different.\n"
        f"Took: {seconds}."
    )
