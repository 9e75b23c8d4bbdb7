"""`manage.py archive --before 2026-10`: months of ended jobs go from the database to files."""

from __future__ import annotations

import json
import os
from argparse import ArgumentTypeError
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from core.errors import RepriseError
from core.words import counted
from jobs.archive import stages
from jobs.archive.stages import ArchiveContext
from jobs.log import months
from jobs.log.months import Month, Owner, State
from jobs.management.base import ServiceCommand
from jobs.management.progress import progress_bar
from jobs.models import Archive

Row = dict[str, Any]


class Command(ServiceCommand):
    help = (
        "Write whole months of ended jobs to the archive storage, read them back, and only then "
        "drop their events from the database. Archived jobs stay readable. Interrupted, it goes on "
        "where it was when it is called again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before",
            type=_parse_month,
            required=True,
            metavar="YYYY-MM",
            help="months before this one",
        )
        parser.add_argument(
            "--system",
            action="store_true",
            help="months of the system's own log, not of jobs, as REPRISE_SYSTEM_LOG_MONTHS allows",
        )
        parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
        parser.add_argument("--keep", action="store_true", help="write and check, but drop nothing")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object per month and line"
        )
        parser.add_argument(
            "--wait", type=float, default=60.0, metavar="SECONDS",
            help="how long to wait for transactions that were open before (60)",
        )  # fmt: skip
        parser.add_argument(
            "--owner-url",
            help="the database as its owner; REPRISE_SUPERUSER_DATABASE_URL, where this is not "
            "given, does not show in the list of processes",
        )

    def handle(self, *_: Any, before: Month, **options: Any) -> None:
        self._json = options["json"]
        url = options["owner_url"] or os.environ.get("REPRISE_SUPERUSER_DATABASE_URL")
        try:
            with Owner(url or settings.REPRISE.database_url) as owner:
                means = ArchiveContext(owner, progress_bar, options["wait"], options["keep"])
                if not (options["dry_run"] or options["keep"]):
                    owner.require_right()
                found = stages.candidate_months(before, system=options["system"])
                staying = self._archive_each(found, means, options["dry_run"])
        except (RepriseError, psycopg.Error) as error:
            raise CommandError(str(error).strip()) from error
        if staying:
            raise CommandError(f"Not archived: {', '.join(staying)}.")

    def _archive_each(self, found: list[Month], means: ArchiveContext, dry_run: bool) -> list[str]:
        """Go through the months; return those that stay."""
        staying = []
        for month in found:
            row = _month_row(month)
            reasons = stages.held_back(month) if row["state"] == State.ATTACHED else []
            if reasons:
                row |= {"result": "held_back", "reasons": reasons}
            elif dry_run:
                row |= {"result": "would_archive"}
            else:
                row |= _archive_row(month, row, means)
            self._write_row(row)
            if row["reasons"]:
                staying.append(f"{month} ({row['reasons'][0]})")
            if row["result"] == "failed":
                break  # what ails one ails the next
        return staying

    def _write_row(self, row: Row) -> None:
        if self._json:
            self.stdout.write(json.dumps(row))
            return
        words = row["result"].replace("_", " ")
        file = f", {row['file']} ({row['bytes']:,} bytes)" if row["file"] else ""
        self.stdout.write(f"{row['month']}: {words}, {counted(row['events'], 'event')}{file}")
        for reason in row["reasons"]:
            self.stdout.write(f"  {reason}")


def _month_row(month: Month) -> Row:
    state = months.month_tables().get(month)
    events = months.count_events(month) if state == State.ATTACHED else 0
    told = {"month": str(month), "state": state, "events": events}
    return told | {"file": None, "bytes": None, "reasons": []}


def _archive_row(month: Month, row: Row, means: ArchiveContext) -> Row:
    result: Row = {"result": "kept" if means.keep else "dropped"}
    try:
        for _stage in stages.archive_month(month, means):
            pass
    except (RepriseError, OSError, psycopg.Error) as error:
        result = {"result": "failed", "reasons": [str(error).strip()]}
    empty = row["state"] == State.ATTACHED and not row["events"]
    made = Archive.objects.filter(month=month.first).order_by("pk").last()
    if made is not None and not empty:
        result |= {"file": made.name, "bytes": made.size, "events": made.events}
    return result


def _parse_month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
