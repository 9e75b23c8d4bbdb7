"""Retries: every failed try is recorded, and tries are counted over attempts."""

from __future__ import annotations

import pytest

from core.db import in_thread
from jobs import commands, log
from jobs.access.visibility import Principal
from jobs.events import EventType, NewEvent
from jobs.queue import leases
from jobs.run import Retry, Run, Step, SyncRun
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "scripts")
AT_ONCE = Retry(tries=3, wait=0)
LATER = Retry(tries=3, wait=1, jitter=False)
HOURS = Retry(tries=2, wait=3600, longest=3600, jitter=False)


class Flaky:
    """A step that fails so many times before it succeeds."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures, self.error = failures, error or OSError("no route")
        self.numbers: list[int] = []

    async def __call__(self, step: Step) -> str:
        self.numbers.append(step.number)
        step.output(f"try {step.number}\n")
        if len(self.numbers) <= self.failures:
            raise self.error
        return "there"


async def test_a_step_is_tried_until_it_succeeds(who: Principal) -> None:
    flaky = Flaky(2)

    async def does(run: Run) -> dict[str, str]:
        return {"got": await run.step("fetch", flaky, target="gs-1", retry=AT_ONCE)}

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "succeeded")
    assert flaky.numbers == [1, 2, 3]
    assert await runs.types(job) == [
        "job.submitted", "attempt.started",
        "step.started", "step.retried", "step.started", "step.retried",
        "step.started", "step.succeeded", "job.succeeded",
    ]  # fmt: skip
    first, second = await runs.events(job, "step.retried")
    assert (first.data["try"], second.data["try"]) == (1, 2)
    assert first.data["error"] == {"type": "OSError", "message": "no route"}
    assert first.data["until"] >= first.at[:10]
    [step] = (await runs.state(job)).steps.values()
    assert (step.status, step.tries, step.result, step.until) == ("succeeded", 3, "there", None)


async def test_the_last_try_fails_the_step(who: Principal) -> None:
    flaky = Flaky(9)
    async with runs.working():
        job = await runs.submit(who, lambda run: run.step("fetch", flaky, retry=AT_ONCE))
        assert (await runs.until(job, "failed")).message == "fetch: no route."
    assert flaky.numbers == [1, 2, 3]
    [failed] = await runs.events(job, "step.failed")
    assert failed.data["try"] == 3


async def test_what_the_policy_is_not_for_fails_at_once(who: Principal) -> None:
    flaky = Flaky(9, ValueError("never"))
    policy = Retry(tries=3, wait=0, on=(OSError,))
    async with runs.working():
        job = await runs.submit(who, lambda run: run.step("fetch", flaky, retry=policy))
        await runs.until(job, "failed")
    assert flaky.numbers == [1]


async def test_a_timeout_is_an_error_like_others(who: Principal) -> None:
    async def slow(step: Step) -> int:
        if step.number == 1:
            await runs.never()
        return step.number

    async def does(run: Run) -> dict[str, int]:
        policy = Retry(tries=2, wait=0, on=(TimeoutError,))
        return {"try": await run.step("fetch", slow, timeout=0.05, retry=policy)}

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "succeeded")
    [retried] = await runs.events(job, "step.retried")
    assert retried.data["error"]["message"] == "took longer than 0.05 s"


async def test_a_long_wait_for_the_next_try_holds_no_worker(who: Principal) -> None:
    flaky = Flaky(1)
    async with runs.working():
        job = await runs.submit(
            who, lambda run: run.step("fetch", flaky, target="gs-1", retry=LATER)
        )
        row = await runs.parked(job)
        [retried] = await runs.events(job, "step.retried")
        assert row.waiting_for == [
            {"for": "retry", "name": "fetch", "target": "gs-1", "until": retried.data["until"]}
        ]
        assert (await runs.until(job, "succeeded")).attempt == 2
    assert flaky.numbers == [1, 2]


async def test_a_takeover_goes_on_counting(who: Principal) -> None:
    flaky = Flaky(9)
    job = await runs.submit(who, lambda run: run.step("fetch", flaky, retry=AT_ONCE))
    lease = await in_thread(leases.take_job, job, "dead/1")
    assert lease is not None
    one, two = {"try": 1, "occurrence": 1}, {"try": 2, "occurrence": 1}
    before = [
        NewEvent(EventType.STEP_STARTED, one, "fetch"),
        NewEvent(EventType.STEP_RETRIED, {**one, "until": "2026-01-01T00:00:00.0Z"}, "fetch"),
        NewEvent(EventType.STEP_STARTED, two, "fetch"),
    ]
    await in_thread(log.append, job, before, actor="worker:dead/1", fence=lease.fence)
    await in_thread(leases.release_lease, job, lease.fence)
    async with runs.working():
        await runs.until(job, "failed")
    assert flaky.numbers == [2, 3]  # the try that was cut short begins again, as itself


async def test_a_cancel_ends_the_wait_for_the_next_try(who: Principal) -> None:
    flaky = Flaky(1)
    async with runs.working():
        job = await runs.submit(who, lambda run: run.step("fetch", flaky, retry=HOURS))
        await runs.parked(job)
        await in_thread(commands.cancel, who, job)
        await runs.until(job, "cancelled")
    assert flaky.numbers == [1]


async def test_an_ordinary_function_retries_too(who: Principal) -> None:
    flaky = Flaky(1)

    def does(run: SyncRun) -> dict[str, str]:
        return {"got": run.step("fetch", flaky, retry=AT_ONCE)}

    async with runs.working():
        job = await runs.submit_plain(who, does)
        await runs.until(job, "succeeded")
    assert flaky.numbers == [1, 2]
