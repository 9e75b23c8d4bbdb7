"""The stream `system`: one job for each calendar month, made by the month's first event.

Its id follows from the month, so that all processes mean the same job, and lies beyond those of
all jobs, so that its events have partitions of their own (`jobs.log.months`). It waits for its next
event, parked without a due moment: no worker takes it. The sweeper closes it when its month is
over, and then it can be archived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from core import clock
from core.errors import NotFound, NotNow
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.events.fold import TERMINAL
from jobs.log.months import Month
from jobs.models import Job
from jobs.system_log.actor import current_actor

KIND = "system"
ACTOR = "system"
# Clocks differ, and a transaction may be slow: a month stays open for so long after its end.
GRACE = timedelta(days=1)
EVENTS_AT_ONCE = 1000

_recording: ContextVar[bool] = ContextVar("jobs.system_log.recording", default=True)
_gathered: ContextVar[list[NewEvent] | None] = ContextVar("jobs.system_log.gathered", default=None)


def stream_id(month: Month) -> UUID:
    """Return the id of the job that is the system's log of a month.

    A UUIDv7 of the moment at which the month begins; its last digits are those of the month.
    """
    low, _high = month.of_system.bounds
    digits = int(f"{month.year:04}{month.number:02}", 16)
    return UUID(int=low.int | 0x7 << 76 | 0b10 << 62 | digits)


def record(type_: EventType, **data: object) -> None:
    """Append an event to the system's log, in the caller's transaction, as the current actor's.

    The month's row stays locked until that transaction ends: keep it short.
    """
    if not _recording.get():
        return
    event, gathered = NewEvent(type_, data), _gathered.get()
    if gathered is None:
        append_events([event], Month.of(clock.now()))
    else:
        gathered.append(event)


def record_upkeep(operation: str, words: str) -> None:
    """Record what a command or the sweeper has done to the log as a whole, in a sentence."""
    record(EventType.SYSTEM_MAINTAINED, operation=operation, words=words)


@contextmanager
def record_together() -> Iterator[None]:
    """Append what is recorded meanwhile at the end, many events at a time, in one transaction."""
    events: list[NewEvent] = []
    with transaction.atomic():
        token = _gathered.set(events)
        try:
            yield
        finally:
            _gathered.reset(token)
        for first in range(0, len(events), EVENTS_AT_ONCE):
            append_events(events[first : first + EVENTS_AT_ONCE], Month.of(clock.now()))


@contextmanager
def unrecorded() -> Iterator[None]:
    """Record nothing meanwhile: for what comes with the code, such as the roles."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def close_past_months(now: datetime | None = None) -> int:
    """Close the streams of months that are over, so that they can be archived; return how many."""
    newest = stream_id(Month.of((now or clock.now()) - GRACE))
    past = Job.objects.filter(kind=KIND, pk__lt=newest).exclude(status__in=TERMINAL)
    over = list(past.values_list("pk", flat=True))
    for job_id in over:
        closed = NewEvent(EventType.SYSTEM_CLOSED, {"message": "The month is over."})
        log.append(job_id, [closed], actor=ACTOR)
    return len(over)


def append_events(events: Sequence[NewEvent], month: Month) -> None:
    """Append events to the system's log of a month, in the caller's transaction."""
    job_id, actor = stream_id(month), current_actor()
    with transaction.atomic():
        try:
            log.append(job_id, events, actor=actor)
        except NotFound:
            _open_stream(job_id, month)
            log.append(job_id, events, actor=actor)


def _open_stream(job_id: UUID, month: Month) -> None:
    """Make the month's job, unless another transaction has made it meanwhile."""
    said = f"Sign-ins, rights, settings and upkeep of this installation in {month}."
    job = Job(
        id=job_id, kind=KIND, title=f"System log {month}", params={"month": str(month)},
        plan={"steps": [], "groups": [], "words": said}, submitted_by=ACTOR, head_hash=b"",
    )  # fmt: skip
    Job.objects.bulk_create([job], ignore_conflicts=True)
    names = ("kind", "title", "params", "labels", "plan")
    submitted = {name: getattr(job, name) for name in names}
    wait = {"for": KIND, "waits": [{"for": KIND}], "count": 1}
    opening = [
        NewEvent(
            EventType.JOB_SUBMITTED, {**submitted, "team": None, "total": 0, "retry_of": None}
        ),
        NewEvent(EventType.JOB_WAITING, wait),
    ]
    with suppress(NotNow):
        log.append(job_id, opening, actor=ACTOR, expected_seq=0)
