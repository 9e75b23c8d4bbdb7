"""`manage.py schedules`: how the schedules do; switches one on or off, deletes it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from jobs import schedules
from jobs.management.base import ServiceCommand
from jobs.models import Schedule

FIELDS = ("name", "kind", "cron", "timezone", "enabled", "next_run", "last_run", "message")
FAILURE = ("failures", "failed_at", "error")


class Command(ServiceCommand):
    help = "List the schedules: when they run next, and what went wrong; switch one, or delete it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="one JSON array")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--enable", metavar="NAME", help="enable this schedule")
        which.add_argument("--disable", metavar="NAME", help="disable this schedule")
        which.add_argument(
            "--delete",
            metavar="NAME",
            help="delete this schedule, even a broken one; its jobs stay",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Do what is asked for, then list what there is."""
        if name := options["delete"]:
            _get_schedule(name).delete()
        elif name := options["enable"] or options["disable"]:
            schedules.set_enabled(_get_schedule(name).pk, on=options["enable"] is not None)
        found = list(Schedule.objects.values(*FIELDS, *FAILURE))
        if options["json"]:
            self.stdout.write(json.dumps(found, default=str))
        else:
            for row in found:
                self.stdout.write(_schedule_line(row))


def _get_schedule(name: str) -> Schedule:
    try:
        return Schedule.objects.get(name=name)
    except Schedule.DoesNotExist:
        raise CommandError(f"There is no schedule {name}.") from None


def _schedule_line(row: dict[str, Any]) -> str:
    moment = row["next_run"]
    due = f"next {moment:%Y-%m-%d %H:%M}Z" if moment else "never" if row["enabled"] else "disabled"
    trouble = f"\t{row['failures']} failed: {row['error']}" if row["failures"] else ""
    return f"{row['name']}\t{row['kind']}\t{row['cron']}\t{due}{trouble}"
