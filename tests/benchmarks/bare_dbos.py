"""DBOS Transact: `python -m … DATABASE_URL WORKFLOWS STEPS [queued]` prints steps a second.

https://docs.dbos.dev/python: each step's result is recorded in Postgres, in a commit of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time

from dbos import DBOS

from tests.benchmarks.report import middle_rate

QUEUE = "bench"
AT_ONCE = 32
# It is documented to look once a second; more often it does more, down to a hundredth.
POLL_SECONDS = 0.01

_ends: list[float] = []


@DBOS.step()
async def nothing(number: int) -> None:
    """Do nothing."""


@DBOS.workflow()
async def steps(count: int) -> None:
    """Run so many steps."""
    for number in range(count):
        await nothing(number)
    _ends.append(time.perf_counter())


async def _measure_running(workflows: int, count: int) -> float:
    """Return the steps a second of so many workflows at once."""
    began = time.perf_counter()
    for _ in range(workflows):
        await DBOS.start_workflow_async(steps, count)
    await _wait_for_ends(workflows)
    return workflows * count / (_ends[-1] - began)


async def _measure_queued(workflows: int, count: int) -> float:
    """Return the steps a second of workflows that are in the queue before anybody looks there."""
    for _ in range(workflows):
        await DBOS.enqueue_workflow_async(QUEUE, steps, count)
    await DBOS.register_queue_async(
        QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=POLL_SECONDS
    )
    await _wait_for_ends(workflows)
    return count * middle_rate(_ends)


async def _wait_for_ends(workflows: int) -> None:
    """Wait without asking the database for each workflow."""
    while len(_ends) < workflows:  # noqa: ASYNC110 - other threads may end one
        await asyncio.sleep(0.02)


async def _main(url: str, workflows: int, count: int, *, queued: bool) -> None:
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    measure = _measure_queued if queued else _measure_running
    try:
        print(await measure(workflows, count))
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), queued="queued" in sys.argv))
