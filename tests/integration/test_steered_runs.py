"""People steer runs that a worker has: paused, resumed, let through a gate, refused, stopped."""

from __future__ import annotations

import pytest

from core.db import in_thread
from core.errors import Forbidden
from jobs import commands
from jobs.access.visibility import Principal, of_user
from jobs.commands import retry, steer
from jobs.models import Job
from jobs.run import Approval, Run, Step
from tests.integration import runs
from tests.support.factories import make_team, make_user

pytestmark = pytest.mark.usefixtures("database", "scripts")


@pytest.fixture
def other(who: Principal) -> Principal:
    """Somebody else of the same team."""
    return of_user(make_user("second", team=make_team()))


async def test_a_run_is_paused_after_the_step_in_flight_and_goes_on(who: Principal) -> None:
    ran: list[str] = []

    async def does(run: Run) -> None:
        async def work(step: Step) -> None:
            ran.append(step.name)
            if step.name == "first":
                await in_thread(steer.pause, who, run.job, "lunch")

        await run.step("first", work)
        await run.step("second", work)

    async with runs.working():
        job = await runs.submit(who, does)
        row = await runs.until_row(job, lambda row: row.status == "paused" and not row.lease_until)
        assert (ran, row.attempt) == (["first"], 1)
        await in_thread(steer.resume, who, job)
        assert (await runs.until(job, "succeeded")).attempt == 2
    assert ran == ["first", "second"]
    paused, resumed = await runs.events(job, "job.paused", "job.resumed")
    assert (paused.actor, paused.data, resumed.data) == (
        who.actor, {"reason": "lunch"}, {"reason": ""},
    )  # fmt: skip


async def test_somebody_else_lets_a_run_through_its_gate(who: Principal, other: Principal) -> None:
    given: list[Approval] = []

    async def does(run: Run) -> None:
        given.append(await run.gate("canary", "Is it well?", not_by_submitter=True))

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.parked(job)
        with pytest.raises(Forbidden):
            await in_thread(steer.approve, who, job)
        await in_thread(steer.approve, other, job, "It is.", "canary")
        await runs.until(job, "succeeded")
    assert (given[0].by, given[0].reason) == ("user:second", "It is.")


async def test_a_refused_run_fails_and_says_by_whom_and_why(
    who: Principal, other: Principal
) -> None:
    async with runs.working():
        job = await runs.submit(who, lambda run: run.gate("canary"))
        await runs.parked(job)
        await in_thread(steer.reject, other, job, "Too slow.")
        row = await runs.until(job, "failed")
        assert row.message == "Rejected at the gate canary by second: Too slow."
        again, _new = await in_thread(retry.retry, other, job, "all")
        row = await runs.parked(again.pk)
        assert (row.retry_of_id, row.owner_id) == (job, other.user.pk)


async def test_a_paused_run_is_stopped_at_once(who: Principal) -> None:
    async def does(run: Run) -> None:
        await run.gate("canary")

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.parked(job)
        await in_thread(steer.pause, who, job)
        await in_thread(commands.cancel, who, job)
        await runs.until(job, "cancelled")
    assert (await in_thread(Job.objects.get, pk=job)).message == "Stopped on request."
