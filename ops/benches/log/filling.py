"""Jobs and events to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from core import clock
from core.ids import uuid7
from jobs import log
from jobs.events import Event, EventType, NewEvent, first_hash, make_body, next_hash, with_hash
from jobs.models import Job

SUBMITTED = NewEvent(EventType.JOB_SUBMITTED, {"kind": "load", "title": "A bench", "plan": {}})
ATTEMPT = NewEvent(EventType.ATTEMPT_STARTED, {"worker": "bench/1"})
Row = tuple[Any, ...]


def running_jobs(count: int) -> list[UUID]:
    """Return new jobs that a worker has begun."""
    made = []
    for _ in range(count):
        job = Job.objects.create(
            id=uuid7(), kind="load", title="A bench", params={}, submitted_by="system",
            head_hash=b"",
        )  # fmt: skip
        log.append(job.pk, [SUBMITTED, ATTEMPT], actor="system")
        made.append(job.pk)
    return made


def output_rows(events: int, size: int) -> Iterator[Row]:
    """Yield the columns of a job's output events, as an append would insert them."""
    job = uuid7()
    previous, at = first_hash(job), clock.rfc3339(clock.now())
    for seq in range(1, events + 1):
        event = Event(
            seq, "step.output", 1, at, "worker:bench/1", 1, "fetch", "gs-1",
            {"text": "x" * size, "stream": "out"},
        )  # fmt: skip
        body, raw = make_body(event)
        previous = next_hash(previous, raw)
        text = with_hash(body, previous)
        yield (job, seq, at, event.type, event.actor, event.target, text, uuid4())


def batches(rows: Iterator[Row], size: int) -> Iterator[Sequence[Row]]:
    """Yield the rows in lists of `size`."""
    while batch := list(islice(rows, size)):
        yield batch
