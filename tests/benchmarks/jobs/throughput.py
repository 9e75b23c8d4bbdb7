"""Jobs a second through worker processes, beside procrastinate's own tasks through its own."""

from __future__ import annotations

import asyncio
import statistics
import time

import psycopg

from tests.benchmarks import bare_queue as bare
from tests.benchmarks.jobs import workers
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

JOBS = 1_000
ROUNDS = 3
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 120.0
# Between these shares of the jobs done: all workers have started, none has run out of work.
FIRST, LAST = 0.2, 0.95
OURS_LEFT = (
    "select count(*) from jobs_job where status not in ('succeeded', 'failed', 'cancelled')"
    " and kind <> 'system'"
)
BARE_LEFT = "select count(*) from procrastinate_jobs where queue_name = 'bench'"


def one(testbed: Testbed, scale: float) -> list[Bar]:
    """No-op jobs through one worker process"""
    return [_compare(testbed, 1, max(int(JOBS * scale), 100))]


def two(testbed: Testbed, scale: float) -> list[Bar]:
    """No-op jobs through two worker processes"""
    return [_compare(testbed, 2, max(int(JOBS * scale), 100))]


def _compare(testbed: Testbed, processes: int, jobs: int) -> Bar:
    ours: list[float] = []
    theirs: list[float] = []
    cpu = {"cpu ms a job": 0.0, "bare's": 0.0}
    with testbed.bare() as connection:
        for _ in range(ROUNDS):
            asyncio.run(bare.defer(testbed.url, jobs))
            with workers.running(workers.BARE, processes, BENCH_DELETE="always") as spent:
                theirs.append(_rate(connection, BARE_LEFT, jobs))
            cpu["bare's"] += spent.cpu
            workers.submit("bench-noop", jobs)
            with workers.running(workers.OURS, processes) as spent:
                ours.append(_rate(connection, OURS_LEFT, jobs))
            cpu["cpu ms a job"] += spent.cpu
    notes = {name: seconds * 1000 / (jobs * ROUNDS) for name, seconds in cpu.items()}
    mine, other = statistics.median(ours), statistics.median(theirs)
    name = f"no-op jobs, {processes} worker{'s' if processes > 1 else ''}"
    return Bar(name, mine / other, "≥ 0.5", mine, other, "jobs/s", notes)


def _rate(connection: psycopg.Connection[tuple[object, ...]], left: str, jobs: int) -> float:
    """Return the jobs a second between the first and the last share of them."""
    began = begun = 0.0
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while True:
        row = connection.execute(left).fetchone()
        done = jobs - int(str(row[0])) if row else 0
        now = time.perf_counter()
        if not began and done >= jobs * FIRST:
            began, begun = now, done
        if done >= jobs * LAST:
            return (done - begun) / (now - began)
        if now > deadline:
            raise AssertionError(f"{done} of {jobs} jobs done within {PATIENCE_SECONDS} s")
        time.sleep(POLL_SECONDS)
