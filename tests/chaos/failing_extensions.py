"""A schedule and a consumer that always fail; the runs beside them must not be affected.

The schedule's kind ends the program that asks it, each minute; so does the consumer's handler, at
each event. Both have to be told to fail all the time, and the sweeper has to do its duties.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from pydantic import BaseModel

from core import clock
from jobs import schedules
from jobs.feed import FeedEvent, consumers
from jobs.feed.consumers import Consumer
from jobs.kinds import Kind
from jobs.models import Schedule
from jobs.queue import maintenance

NAME = "bad bystander"
STATUS = 3


class NoParams(BaseModel):
    """Nothing is to be said."""


class Quitter(Kind[NoParams]):
    """Calls sys.exit where it is asked whether its parameters are right."""

    name = "chaos-quitter"
    title = "Quit"
    Params = NoParams

    def check(self, params: NoParams) -> None:
        """End the program."""
        sys.exit(STATUS)

    def run(self, run: Any, params: NoParams) -> None:
        """Do nothing: it never comes to this."""


def quit_at_once(events: Sequence[FeedEvent]) -> None:
    """End the program."""
    sys.exit(STATUS)


CONSUMER = Consumer(NAME, quit_at_once)


def place_schedule(owner: User) -> None:
    """Make the schedule, due at once, unless the series goes without failing_extensions."""
    if not settings.REPRISE.consumers:
        return
    Schedule.objects.create(
        name=NAME, kind=Quitter.name, cron="* * * * *", owner=owner, next_run=clock.now()
    )


def unnoticed_faults() -> Iterator[str]:
    """Yield what is not as it must be: the two fail and are told to, everything else goes on."""
    yield from (f"consumer {one.name} lags: {one.error}" for one in consumers.consumer_status()
                if one.name != NAME and one.lag)  # fmt: skip
    yield from (f"the sweeper's duty {one.name} is late or fails: {one.error}"
                for one in maintenance.duty_status() if one.late or one.failures)  # fmt: skip
    if settings.REPRISE.consumers:
        yield from _unnoticed()


def _unnoticed() -> Iterator[str]:
    schedule = Schedule.objects.get(name=NAME)
    if not schedule.failures or f"SystemExit: {STATUS}" not in schedule.error:
        yield f"the bad schedule is not told to fail: {schedule.failures}, {schedule.error!r}"
    if schedule.last_job is None or schedule.last_job.message != schedule.error:
        yield "the bad schedule's failure is no job"
    if schedule.next_run is None or schedule.next_run < clock.now() - schedules.MISSED:
        yield f"the bad schedule is not tried any more: it was due at {schedule.next_run}"
    bad = next((one for one in consumers.consumer_status() if one.name == NAME), None)
    if bad is None or not bad.failures or bad.position:
        yield f"the bad consumer is not told to fail: {bad}"
