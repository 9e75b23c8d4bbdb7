"""Jobs and events to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from core import clock
from core.ids import uuid7
from jobs import feed, log
from jobs.events import Event, EventType, NewEvent, first_hash, make_body, next_hash, with_hash
from jobs.models import Job
from tests.benchmarks.testbed import Testbed

SUBMITTED = NewEvent(EventType.JOB_SUBMITTED, {"kind": "load", "title": "A bench", "plan": {}})
ATTEMPT = NewEvent(EventType.ATTEMPT_STARTED, {"worker": "bench/1"})
Row = tuple[Any, ...]
COPY = "copy jobs_event (job, seq, at, type, actor, target, text, append_id) from stdin"


def running_jobs(count: int) -> list[UUID]:
    """Return new jobs that a worker has begun."""
    return [_begun(uuid7()) for _ in range(count)]


def _begun(job_id: UUID) -> UUID:
    Job.objects.create(
        id=job_id, kind="load", title="A bench", params={}, submitted_by="system", head_hash=b""
    )
    log.append(job_id, [SUBMITTED, ATTEMPT], actor="system")
    return job_id


def long_job(events: int, job_id: UUID | None = None) -> UUID:
    """Return a new job with this many events: output, and a step begun or ended now and then."""
    job = _begun(job_id or uuid7())
    head = 2
    while head < events:
        count = min(1_000, events - head)
        log.append(job, [_event(head + n) for n in range(1, count + 1)], actor="worker:bench/1")
        head += count
    return job


def _event(seq: int) -> NewEvent:
    if seq % 500 > 1:
        return NewEvent(
            EventType.STEP_OUTPUT, {"text": "x" * 200, "stream": "out"}, "fetch", "gs-1"
        )
    kind = EventType.STEP_SUCCEEDED if seq % 500 else EventType.STEP_STARTED
    return NewEvent(kind, {"try": 1, "occurrence": 1}, "fetch", f"gs-{seq // 500}")


def large_job(testbed: Testbed, events: int, size: int) -> UUID:
    """Return a new job with so many events of `size` bytes, copied in; all are in the feed."""
    [job] = running_jobs(1)
    begun = log.read(job)
    row: Row = ()
    with testbed.owner() as connection:
        connection.execute("set transaction_timeout = 0")
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in output_rows(events, size, job, begun.last, begun.lines[-66:-2]):
                copy.write_row(row)
        last = [row[1], row[-2][-66:-2], job]
        connection.execute(
            "update jobs_job set head = %s, head_hash = decode(%s, 'hex') where id = %s", last
        )
    while feed.sequence_events():
        pass
    return job


def output_rows(
    events: int, size: int, job: UUID | None = None, after: int = 0, head_hash: str = ""
) -> Iterator[Row]:
    """Yield the columns of a job's output events, as an append would insert them.

    They come after seq `after`, whose event has `head_hash`.
    """
    job = job or uuid7()
    previous = bytes.fromhex(head_hash) if head_hash else first_hash(job)
    at = clock.rfc3339(clock.now())
    for seq in range(after + 1, after + events + 1):
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


FILL = """
with job as (
  select (lpad(to_hex(ms), 12, '0') || '7' || substr(md5(ms::text), 1, 3) || '8'
          || substr(md5('x' || ms), 1, 15))::uuid as id
  from generate_series(%(start)s::bigint, %(start)s::bigint + %(jobs)s::bigint - 1) as ms
)
insert into jobs_event (job, seq, at, type, actor, target, text)
select job.id, seq, now(), 'step.output', 'worker:bench/1', 'gs-1',
       '{"seq":' || seq || %(text)s || encode(sha256((job.id::text || seq)::bytea), 'hex') || '"}'
from job, generate_series(1, %(events)s) as seq
"""


def fill(testbed: Testbed, events: int, months: Sequence[datetime], a_job: int = 1_000) -> None:
    """Lay other jobs' events into the log of each month, as many of them each, made by Postgres.

    Their texts have the length of real ones and a hash that is none: nothing measured reads them.
    """
    text = ',"type":"step.output","data":{"text":"' + "x" * 300 + '"},"hash":"'
    jobs = max(events // len(months) // a_job, 1)
    with testbed.bare() as connection:
        connection.execute("set transaction_timeout = 0")
        for month in months:
            start = int(month.timestamp() * 1000) + 86_400_000
            for first in range(0, jobs, 100):
                count = min(100, jobs - first)
                values = {"start": start + first, "jobs": count, "events": a_job, "text": text}
                connection.execute(FILL, values)
    with testbed.owner() as connection:
        connection.execute("vacuum analyze jobs_event")
        connection.execute("checkpoint")
