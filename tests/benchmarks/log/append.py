"""Group commit beside `INSERT … unnest` of the same rows by one bare connection."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from jobs.events import EventType, NewEvent
from jobs.log import Append
from jobs.log.writer import Writer
from tests.benchmarks.log import filling
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

ROUNDS = 5
EVENTS = 20_000
BYTES = 200
INSERT = """
insert into jobs_event (job, seq, at, type, actor, target, text, append_id)
select * from unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::uuid[])
"""


@dataclass(slots=True)
class _Seen:
    seconds: float = 0.0
    events: int = 0
    commits: int = 0
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def percentile(self, share: float) -> float:
        """Return the wait in milliseconds that this share of the appends stayed under."""
        return sorted(self.waits)[int(share * (len(self.waits) - 1))] * 1000


def appends(testbed: Testbed, scale: float) -> list[Bar]:
    """32 and 256 runs that append one event at a time, through one writer"""
    bars = []
    for runs in (32, 256):
        bars += _compare(testbed, runs, max(int(EVENTS * scale), runs * 10))
    return bars


def _compare(testbed: Testbed, runs: int, events: int) -> list[Bar]:
    jobs = filling.running_jobs(runs)
    ours, bare, single = _Seen(), _Seen(), _Seen()
    asyncio.run(_append(jobs, runs * 5, _Seen()))  # warm
    for _ in range(ROUNDS):
        asyncio.run(_append(jobs, events // ROUNDS, ours))
        size = max(round(ours.events / ours.commits), 1)
        _insert(testbed, events // ROUNDS, size, bare)
        _insert(testbed, 300, 1, single)
    waits = {"p50 ms": ours.percentile(0.5), "p99 ms": ours.percentile(0.99)}
    bars = [
        Bar(
            f"append, {runs} runs",
            ours.rate / bare.rate, "≥ 0.4", ours.rate, bare.rate, "events/s", waits,
        )
    ]  # fmt: skip
    a_commit = ours.events / ours.commits
    bars.append(Bar(f"events a commit, {runs} runs", a_commit, "≥ 16" if runs == 32 else ""))
    if runs == 32:
        lone = _Seen()
        asyncio.run(_append(jobs[:1], 300, lone))
        bars.append(
            Bar(
                "single append, p99",
                lone.percentile(0.99) / single.percentile(0.99), "",
                lone.percentile(0.99), single.percentile(0.99), "ms",
                {"p50 ms": lone.percentile(0.5), "bare p50 ms": single.percentile(0.5)},
            )
        )  # fmt: skip
    return bars


async def _append(jobs: Sequence[UUID], events: int, seen: _Seen) -> None:
    """Let each job append its share, one event after the other, all at once."""
    writer = Writer()
    event = NewEvent(EventType.STEP_OUTPUT, {"text": "x" * BYTES, "stream": "out"}, "fetch", "gs-1")

    async def run(job: UUID) -> None:
        for _ in range(events // len(jobs)):
            began = time.perf_counter()
            await writer.append(Append(job, [event], "worker:bench/1", fence=0))
            seen.waits.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*map(run, jobs))
    seen.seconds += time.perf_counter() - began
    seen.events += len(jobs) * (events // len(jobs))
    await asyncio.to_thread(writer.stop)
    seen.commits += writer.commits


def _insert(testbed: Testbed, events: int, size: int, seen: _Seen) -> None:
    """Insert rows like ours, made beforehand, `size` to a commit."""
    with testbed.bare() as connection:
        batches = [
            list(zip(*rows, strict=True))
            for rows in filling.batches(filling.output_rows(events, BYTES), size)
        ]
        columns = [[list(column) for column in batch] for batch in batches]
        began = time.perf_counter()
        for batch in columns:
            _timed(connection, batch, seen)
        seen.seconds += time.perf_counter() - began
        seen.events += events
        seen.commits += len(columns)


def _timed(
    connection: psycopg.Connection[tuple[object, ...]], batch: Sequence[object], seen: _Seen
) -> None:
    began = time.perf_counter()
    connection.execute(INSERT, batch)
    seen.waits.append(time.perf_counter() - began)


def median(values: Sequence[float]) -> float:
    """Return the median of some measured values."""
    return statistics.median(values)
