"""Events with marks, and jobs of them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from jobs import log
from jobs.events import EventType, NewEvent
from tests.benchmarks.beside import marks
from tests.benchmarks.log.filling import running_jobs

BYTES = 200
BEFORE = 2  # events that a job begins with, without a mark
BATCH = 1_000


def event(number: int) -> NewEvent:
    """Return the event of this number: 200 bytes of a step's output."""
    data = {"text": marks.text(number, BYTES), "stream": "out"}
    return NewEvent(EventType.STEP_OUTPUT, data, "fetch", "gs-1")


def printed_event(number: int) -> NewEvent:
    """Return the event of this number: 200 bytes as a command prints them, on one of many hosts."""
    data = {"text": marks.printed(number, BYTES), "stream": "out"}
    return NewEvent(EventType.STEP_OUTPUT, data, "fetch", f"gs-{number % 200:03}")


def marked_job(events: int, make: Callable[[int], NewEvent] = event) -> UUID:
    """Return a new job with so many events that have a mark."""
    [job] = running_jobs(1)
    for first in range(0, events, BATCH):
        numbers = range(first, min(first + BATCH, events))
        log.append(job, [make(number) for number in numbers], actor="worker:bench/1")
    return job
