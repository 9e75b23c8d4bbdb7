"""A rollout over thousands of targets through a worker: to its end, each target counted once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.db import in_thread
from jobs.access.visibility import Principal
from jobs.integrity import verify_job
from jobs.run import Run, Step
from tests.integration import runs
from tests.integration.updates import Told
from tests.unit.test_rollout_counts import Looked

pytestmark = pytest.mark.usefixtures("database")

COUNT, EVERY = 3000, 500
NAMES = [f"gs-{number:04}" for number in range(COUNT)]
BAD = set(NAMES[EVERY - 1 :: EVERY])


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    with runs.scripts(lease_seconds=10):
        yield


async def test_a_rollout_of_thousands_says_after_each_target_how_far_it_is(who: Principal) -> None:
    targets = Looked(NAMES)

    async def touch(step: Step) -> None:
        if step.target in BAD:
            raise ValueError("it is loose")

    async def does(run: Run) -> list[str]:
        async def one(target: str) -> None:
            await run.step("touch", touch, target=target)

        outcome = await run.rollout(targets, one, batch=250, canary=1, max_failures=len(BAD))
        return outcome.failed

    async with runs.working():
        job = await runs.submit(who, does)
        row = await runs.until(job, "succeeded", "failed")
    assert (row.status, row.done, row.total, row.failed) == ("succeeded", COUNT, COUNT, len(BAD))
    told = await in_thread(Told.of, job)
    assert told.ending.data["result"] == sorted(BAD)
    progress = [(one.data["done"], one.data["failed"]) for one in told.of_type("job.progressed")]
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})
    assert [failed for _, failed in progress] == sorted(failed for _, failed in progress)
    assert progress[-1] == (COUNT, len(BAD))
    assert len(told.of_type("step.succeeded")) + len(told.of_type("step.failed")) == COUNT
    assert (await in_thread(verify_job, job)).ok
    assert targets.looks <= 10 * COUNT
