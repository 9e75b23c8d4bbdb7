"""Recorded values: drawn once, the same in every attempt."""

from __future__ import annotations

import pytest

from core import clock
from jobs.access.visibility import Principal
from jobs.run import Run, SyncRun
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "scripts")


async def test_values_are_the_same_in_the_next_attempt_and_differ_from_call_to_call(
    who: Principal,
) -> None:
    seen: list[list[str]] = []

    async def does(run: Run) -> None:
        seen.append([])
        for _ in range(2):
            values = (await run.now(), await run.random(), await run.uuid())
            seen[-1] += map(str, values)
        await run.sleep(1)

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "succeeded")
    first, second = seen
    assert first == second
    assert len(set(first)) == 6
    drawn = await runs.events(job, "step.succeeded")
    assert [event.step for event in drawn[:3]] == ["now", "random", "uuid"]
    assert clock.parse(drawn[0].data["result"]) <= clock.parse(drawn[0].at)


async def test_an_ordinary_function_draws_too(who: Principal) -> None:
    def does(run: SyncRun) -> dict[str, str]:
        assert 0 <= run.random() < 1
        return {"id": str(run.uuid()), "at": clock.rfc3339(run.now())}

    async with runs.working():
        job = await runs.submit_plain(who, does)
        await runs.until(job, "succeeded")
    values = {
        event.step: event.data["result"] for event in await runs.events(job, "step.succeeded")
    }
    result = (await runs.events(job, "job.succeeded"))[0].data["result"]
    assert result == {"id": values["uuid"], "at": values["now"]}
