"""Sleeping: recorded, without a worker where it takes long, through everything."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from core import clock
from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.models import Claim, Job
from jobs.queue import leases, rescue
from jobs.run import Run, Step, SyncRun
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "scripts")


class Count:
    """A step that counts how often it ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def __call__(self, step: Step) -> None:
        self.ran.append(step.name)


async def test_a_short_sleep_stays_with_its_worker(who: Principal) -> None:
    async with runs.working():
        job = await runs.submit(who, lambda run: run.sleep(0.05))
        assert (await runs.until(job, "succeeded")).attempt == 1
    assert await runs.types(job) == [
        "job.submitted", "attempt.started", "step.started", "step.succeeded", "job.succeeded",
    ]  # fmt: skip
    started, ended = await runs.events(job, "step.started", "step.succeeded")
    assert (started.step, started.data["for"]) == ("sleep", "timer")
    assert clock.parse(ended.at) >= clock.parse(started.data["until"])


async def test_a_long_sleep_holds_no_worker_and_goes_on_in_another(who: Principal) -> None:
    count = Count()

    async def does(run: Run) -> None:
        await run.step("before", count)
        await run.sleep(timedelta(seconds=1), name="settle")
        await run.step("after", count)

    async with runs.working():
        job = await runs.submit(who, does, ["gs-1"])
        row = await runs.parked(job)
        [wait] = row.waiting_for
        assert (wait["for"], wait["name"]) == ("timer", "settle")
        assert row.due_at == clock.parse(wait["until"])
        assert await in_thread(Claim.objects.filter(job=job, held=True).count) == 1
    async with runs.working():
        assert (await runs.until(job, "succeeded")).attempt == 2
    assert count.ran == ["before", "after"]
    assert await runs.types(job) == [
        "job.submitted", "attempt.started", "step.started", "step.succeeded", "step.started",
        "job.waiting", "attempt.started", "step.succeeded", "step.started", "step.succeeded",
        "job.succeeded",
    ]  # fmt: skip
    again = (await runs.events(job, "attempt.started"))[1]
    assert clock.parse(again.at) >= row.due_at


async def test_nobody_takes_a_parked_job_before_it_is_due(who: Principal) -> None:
    async with runs.working():
        job = await runs.submit(who, lambda run: run.sleep(3600))
        await runs.parked(job)
    assert await in_thread(leases.take_job, job, "eager/1") is None
    assert await in_thread(rescue.deliver_due) == 0
    await in_thread(_make_due, job)
    assert await in_thread(rescue.deliver_due) == 1
    assert await in_thread(leases.take_job, job, "eager/1") is not None


def _make_due(job: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update jobs_job set due_at = now() where id = %s", [job])


async def test_a_sleep_until_a_moment_that_has_passed_is_no_sleep(who: Principal) -> None:
    async with runs.working():
        job = await runs.submit(who, lambda run: run.until(clock.now() - timedelta(days=1)))
        assert (await runs.until(job, "succeeded")).attempt == 1


async def test_a_cancel_reaches_a_parked_run_which_puts_back(who: Principal) -> None:
    count = Count()

    async def does(run: Run) -> None:
        await run.step("begin", count)
        try:
            await run.sleep(3600)
        finally:
            await run.step("put back", count, always=True)

    async with runs.working():
        job = await runs.submit(who, does, ["gs-1"])
        await runs.parked(job)
        assert count.ran == ["begin"]  # parking cleans up nothing
        await in_thread(commands.cancel, who, job)
        row = await runs.until(job, "cancelled")
    assert count.ran == ["begin", "put back"]
    assert row.message == "Stopped on request."
    assert await in_thread(Claim.objects.count) == 0


async def test_branches_park_together_when_the_last_has_nothing_else_to_do(who: Principal) -> None:
    count = Count()

    async def branch(run: Run, number: int) -> None:
        await run.step("before", count, target=f"gs-{number}")
        await run.sleep(4 + number / 2, name=f"settle {number}")
        await run.step("after", count, target=f"gs-{number}")

    async def does(run: Run) -> None:
        await run.gather(branch(run, 1), branch(run, 2), run.step("long", count, target="gs-3"))

    async with runs.working():
        job = await runs.submit(who, does)
        row = await runs.parked(job)
        names = [wait["name"] for wait in row.waiting_for]
        assert names == ["settle 1", "settle 2"]  # the soonest first
        assert row.due_at == clock.parse(row.waiting_for[0]["until"])
        await runs.until(job, "succeeded")
    assert sorted(count.ran) == ["after", "after", "before", "before", "long"]


async def test_an_error_beside_a_sleep_is_raised_when_the_sleep_is_over(who: Principal) -> None:
    count = Count()

    async def fail(step: Step) -> None:
        raise ValueError("no")

    async def branch(run: Run) -> None:
        await run.sleep(1)
        await run.step("after", count)

    async def does(run: Run) -> None:
        await run.gather(run.step("bad", fail, target="gs-1"), branch(run))

    async with runs.working():
        job = await runs.submit(who, does)
        assert (await runs.until(job, "failed")).message == "bad: no."
    assert count.ran == ["after"]


async def test_an_ordinary_function_sleeps_too(who: Principal) -> None:
    ran: list[int] = []

    def does(run: SyncRun) -> None:
        run.sleep(1)
        run.step("after", lambda step: ran.append(run.attempt))

    async with runs.working():
        job = await runs.submit_plain(who, does)
        assert (await runs.until(job, "succeeded")).attempt == 2
    assert ran == [2]


async def test_many_waits_are_said_in_part(who: Principal) -> None:
    async def does(run: Run) -> None:
        await run.gather(*(run.sleep(3600 + number, name=f"s{number}") for number in range(60)))

    async with runs.working():
        job = await runs.submit(who, does)
        row: Job = await runs.parked(job)
    [waiting] = await runs.events(job, "job.waiting")
    assert (waiting.data["for"], waiting.data["count"]) == ("timer", 60)
    assert [wait["name"] for wait in row.waiting_for] == [f"s{number}" for number in range(50)]
