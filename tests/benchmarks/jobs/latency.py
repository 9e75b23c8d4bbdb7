"""From submission to the first step, one job at a time, by the database's clock."""

from __future__ import annotations

import asyncio
import time

import psycopg

from tests.benchmarks import bare_queue as bare
from tests.benchmarks.jobs import workers
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

JOBS = 200
POLL_SECONDS = 0.005
WARM = 20
OURS = """
select extract(epoch from step.at - job.at)::float8
from jobs_event job join jobs_event step on step.job = job.job and step.type = 'step.started'
where job.type = 'job.submitted' order by job.at
"""
BARE = """
select extract(epoch from started.at - deferred.at)::float8
from procrastinate_events deferred join procrastinate_events started
  on started.job_id = deferred.job_id and started.type = 'started'
where deferred.type = 'deferred' and deferred.job_id in (
  select id from procrastinate_jobs where queue_name = 'bench')
order by deferred.at
"""


def latency(testbed: Testbed, scale: float) -> list[Bar]:
    """A job at a time: submitted → step.started, beside deferred → started of a bare task"""
    jobs = max(int(JOBS * scale), 40) + WARM
    place = testbed.other("latency")
    place.use_in_django()
    with place.bare() as connection:
        with workers.running(workers.OURS, 1, DATABASE_URL=place.url):
            for number in range(1, jobs + 1):
                workers.submit("bench-step", 1)
                _until(connection, OURS, number)
        ours = _waits(connection, OURS)
        with workers.running(workers.BARE, 1, DATABASE_URL=place.url, BENCH_DELETE="never"):
            for number in range(1, jobs + 1):
                asyncio.run(bare.defer(place.url, 1))
                _until(connection, BARE, number)
        theirs = _waits(connection, BARE)
    testbed.use_in_django()
    return [_bar(name, share, ours, theirs) for name, share in (("p50", 0.5), ("p99", 0.99))]


def _until(connection: psycopg.Connection[tuple[object, ...]], query: str, count: int) -> None:
    while len(connection.execute(query).fetchall()) < count:
        time.sleep(POLL_SECONDS)


def _waits(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[float]:
    rows = connection.execute(query).fetchall()
    return sorted(float(str(wait)) * 1000 for (wait,) in rows[WARM:])


def _bar(name: str, share: float, ours: list[float], theirs: list[float]) -> Bar:
    mine, other = (waits[int(share * (len(waits) - 1))] for waits in (ours, theirs))
    return Bar(f"submit → first step, {name}", mine / other, "", mine, other, "ms")
