"""Steps a second, in one run, in many and in queued jobs of one, beside DBOS Transact's."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from uuid import UUID

import psycopg
from psycopg import sql

from jobs.log.sql import fetch_rows
from tests.benchmarks.jobs import workers
from tests.benchmarks.report import Bar, middle_rate
from tests.benchmarks.testbed import Testbed

STEPS, RUNS, QUEUED = 2_000, 32, 1_000
ROUNDS = 3
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.2
DATABASE = "dbos"
# Of runs that were there before their worker: its start is not counted.
_MOMENTS = """
select extract(epoch from started_at)::float8, extract(epoch from finished_at)::float8
from jobs_job where id = any(%s) and status = 'succeeded' order by finished_at
"""
_OPEN = "select count(*) from jobs_job where id = any(%s) and finished_at is null"


def steps(testbed: Testbed, scale: float) -> list[Bar]:
    """No-op steps in one run, in 32 at once, and in queued jobs of one step"""
    each, queued = max(int(STEPS * scale), 100), max(int(QUEUED * scale), 100)
    many = max(each // 10, 20)
    _make_database(testbed)
    return [
        _compare(testbed, "steps of one run", "≥ 1.3", 1, each),
        _compare(testbed, f"steps of {RUNS} runs", "≥ 3", RUNS, many),
        _compare_queued(testbed, queued),
    ]


def _compare(testbed: Testbed, name: str, wanted: str, runs: int, count: int) -> Bar:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_dbos_rate(testbed, runs, count))
        moments = _work_off(workers.submit("bench-steps", runs, {"steps": count}))
        seconds = moments[-1][1] - min(started for started, _ in moments)
        ours.append(runs * count / seconds)
    return _bar(name, wanted, ours, theirs, "steps/s")


def _compare_queued(testbed: Testbed, count: int) -> Bar:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_dbos_rate(testbed, count, 1, "queued"))
        moments = _work_off(workers.submit("bench-step", count))
        ours.append(middle_rate([ended for _, ended in moments]))
    return _bar("queued jobs of one step", "≥ 2", ours, theirs, "jobs/s")


def _bar(name: str, wanted: str, ours: list[float], theirs: list[float], unit: str) -> Bar:
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Bar(f"{name}, beside DBOS", mine / other, wanted, mine, other, unit)


def _work_off(jobs: list[UUID]) -> list[tuple[float, float]]:
    """Have one worker run jobs that are queued; return when each started and ended, by its end."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    with workers.running(workers.OURS, 1):
        while fetch_rows(_OPEN, [jobs]) != [(0,)]:
            assert time.perf_counter() < deadline, f"not done within {PATIENCE_SECONDS} s"
            time.sleep(POLL_SECONDS)
    moments = [(started, ended) for started, ended in fetch_rows(_MOMENTS, [jobs])]
    assert len(moments) == len(jobs), "a job has failed"
    return moments


def _dbos_rate(testbed: Testbed, workflows: int, count: int, *how: str) -> float:
    url = testbed.owner_url.rpartition("/")[0] + f"/{DATABASE}"
    command = [
        sys.executable, "-m", "tests.benchmarks.bare_dbos", url, str(workflows), str(count), *how
    ]  # fmt: skip
    ran = subprocess.run(
        command, cwd=workers.ROOT, check=True, capture_output=True, text=True,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    return float(ran.stdout.split()[-1])


def _make_database(testbed: Testbed) -> None:
    with psycopg.connect(testbed.owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
