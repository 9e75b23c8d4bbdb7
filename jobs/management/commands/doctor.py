"""`manage.py doctor`: checks this installation and says what to do."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from jobs.doctor import Finding, Grade, all_checks, choose_checks, run_checks
from jobs.management.base import ServiceCommand

SECONDS = 20.0
COLOURS = {Grade.OK: "SUCCESS", Grade.WARNING: "WARNING", Grade.PROBLEM: "ERROR"}


class Command(ServiceCommand):
    help = (
        "Check this installation; a line for each check says what to do. Ends with 1 at problems."
    )
    requires_system_checks = ()  # one of the checks runs them

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--url",
            default=settings.REPRISE.public_url,
            help="the address that people use, asked by real requests (REPRISE_PUBLIC_URL)",
        )
        parser.add_argument(
            "--backups",
            type=Path,
            default=settings.REPRISE.backups,
            help="the folder with the catalogue of backups (REPRISE_BACKUPS)",
        )
        parser.add_argument(
            "--seconds", type=float, default=SECONDS, help="the longest that one check may take"
        )
        parser.add_argument(
            "--only", action="append", metavar="CHECK", help="this check alone; may be repeated"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run all checks and print what they find."""
        logging.disable(logging.ERROR)  # what drivers log is in the findings
        checks = all_checks(options["url"], options["backups"])
        if options["only"]:
            checks = choose_checks(checks, options["only"])
        found = list(run_checks(checks, options["seconds"]))
        problems = sum(one.grade == Grade.PROBLEM for one in found)
        if options["json"]:
            lines = [asdict(one) for one in found]
            self.stdout.write(json.dumps({"ok": not problems, "findings": lines}))
        else:
            self._print(found)
        if problems:
            sys.exit(1)

    def _print(self, found: Sequence[Finding]) -> None:
        width = max(len(one.check) for one in found)
        for one in found:
            grade = getattr(self.style, COLOURS[one.grade])(f"{one.grade:<7}")
            self.stdout.write(f"{grade}  {one.check:<{width}}  {one.said}")
