"""`manage.py notices`: who gets notices, what waits and what fails; sends at once, or a test."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Count, Q

from core import clock
from core.errors import NotFound
from jobs.management.base import ServiceCommand, job_argument
from jobs.models import Subscription
from jobs.notices import subscriptions


@dataclass(frozen=True, slots=True)
class Row:
    """How a subscription does: `waiting` notices, `failures` in a row."""

    id: str
    owner: str
    name: str
    channel: str
    enabled: bool
    waiting: int
    failures: int
    error: str


class Command(ServiceCommand):
    help = "List the subscriptions: whose, by which channel, what waits, what fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--retry", metavar="ID", type=job_argument, help="send at once what waits"
        )
        which.add_argument("--test", metavar="ID", type=job_argument, help="send a test")

    def handle(self, *_: Any, **options: Any) -> None:
        if id_ := options["retry"] or options["test"]:
            one = Subscription.objects.filter(pk=id_).first()
            if one is None:
                raise NotFound(f"There is no subscription {id_}.")
            if options["test"]:
                subscriptions.tell_test(one)
            Subscription.objects.filter(pk=id_).exclude(due_at=None).update(due_at=clock.now())
        found = [_as_row(one) for one in _rows()]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found]))
            return
        for row in found:
            state = "" if row.enabled else "  switched off"
            state += f"  {row.waiting:,} waiting" if row.waiting else ""
            state += f"  {row.failures} failures ({row.error})" if row.failures else ""
            self.stdout.write(f"{row.id}  {row.owner}  {row.channel}  {row.name}{state}")


def _rows() -> Any:
    waiting = Count("notices", filter=Q(notices__digest=None))
    rows = Subscription.objects.select_related("user", "team").annotate(waiting_count=waiting)
    return rows.order_by("pk")


def _as_row(one: Any) -> Row:
    owner = f"team {one.team.slug}" if one.team else one.user.get_username()
    return Row(
        str(one.pk), owner, one.name, one.channel, one.enabled, one.waiting_count, one.failures,
        one.error,
    )  # fmt: skip
