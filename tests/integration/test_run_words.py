"""Runs that wait for somebody: gates, signals; runs that are paused."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from core import clock
from core.db import in_thread
from core.errors import Forbidden, NotFound, NotNow
from jobs import commands, log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import EventType, NewEvent
from jobs.queue import dispatch
from jobs.run import JobFailed, Rejected, Retry, Run, Step, StepFailed, SyncRun
from tests.integration import runs
from tests.support.factories import make_user
from tests.support.sweeps import sweep_once
from tests.support.waiting import until as wait_until

pytestmark = pytest.mark.usefixtures("database", "scripts")


async def tell(job: UUID, type_: EventType, data: dict[str, Any], by: str = "user:ann") -> None:
    """Append what somebody says, and deliver the job."""

    def say() -> None:
        with transaction.atomic():
            log.append(job, [NewEvent(type_, data)], actor=by)
            dispatch.deliver_job(job)

    await in_thread(say)


class Steps:
    """Steps that note that they ran; one of them waits until it is let go."""

    def __init__(self, held: str = "") -> None:
        self.ran: list[str] = []
        self.held, self.begun, self.go = held, asyncio.Event(), asyncio.Event()

    async def __call__(self, step: Step) -> None:
        self.ran.append(step.name)
        if step.name == self.held:
            self.begun.set()
            await self.go.wait()


async def test_a_gate_is_asked_for_and_tells_who_opened_it(who: Principal) -> None:
    async def does(run: Run) -> dict[str, str]:
        approval = await run.gate("canary", "Go on with the rest?", not_by_submitter=True)
        return {"by": approval.by, "reason": approval.reason, "at": approval.at}

    async with runs.working():
        job = await runs.submit(who, does)
        row = await runs.parked(job)
        asked = {"gate": "canary", "words": "Go on with the rest?", "not_by_submitter": True}
        assert row.waiting_for == [{**asked, "for": "approval"}]
        assert row.due_at is None
        await tell(job, EventType.JOB_APPROVED, {"gate": "canary", "reason": "looks well"})
        await runs.until(job, "succeeded")
    assert await runs.types(job) == [
        "job.submitted", "attempt.started", "step.started", "job.approval_requested",
        "job.approved", "attempt.started", "step.succeeded", "job.succeeded",
    ]  # fmt: skip
    [requested] = await runs.events(job, "job.approval_requested")
    assert requested.data == asked
    [approved] = await runs.events(job, "job.approved")
    result = (await runs.events(job, "job.succeeded"))[0].data["result"]
    assert result == {"by": "user:ann", "reason": "looks well", "at": approved.at}


async def test_a_rejection_fails_the_job_and_says_by_whom(who: Principal) -> None:
    heard: list[Rejected] = []

    async def does(run: Run) -> None:
        try:
            await run.gate("canary")
        except Rejected as no:
            heard.append(no)
            raise

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.parked(job)
        await tell(job, EventType.JOB_REJECTED, {"gate": "canary", "reason": "too slow"})
        row = await runs.until(job, "failed")
    assert row.message == "Rejected at the gate canary by ann: too slow"
    assert (heard[0].by, heard[0].reason) == ("user:ann", "too slow")
    [failed] = await runs.events(job, "step.failed")
    assert failed.data["error"]["type"] == "Rejected"


async def test_a_rejection_stands_in_later_attempts(who: Principal) -> None:
    async def does(run: Run) -> None:
        try:
            await run.gate("canary")
        except JobFailed as no:
            await run.sleep(1)
            raise no from None

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.parked(job)
        await tell(job, EventType.JOB_REJECTED, {"gate": "canary"})
        row = await runs.until(job, "failed")
    assert row.message == "Rejected at the gate canary by ann."
    assert row.attempt == 3


async def test_a_gate_that_nobody_opens_is_given_up(who: Principal) -> None:
    async with runs.working():
        job = await runs.submit(who, lambda run: run.gate("canary", timeout=0.5))
        row = await runs.until(job, "failed")
    assert row.message == "canary: nothing came in time."


async def test_a_signal_wakes_who_waits_for_it(who: Principal) -> None:
    async def does(run: Run) -> dict[str, Any]:
        return {"heard": [await run.wait_for("go"), await run.wait_for("go")]}

    async with runs.working():
        job = await runs.submit(who, does)
        for number in (1, 2):
            row = await runs.parked(job)
            assert row.waiting_for == [{"for": "signal", "name": "go"}]
            await in_thread(commands.send_signal, who, job, "go", {"number": number})
            await runs.until_row(job, lambda row, n=number: row.attempt > n)  # type: ignore[misc]
        await runs.until(job, "succeeded")
    result = (await runs.events(job, "job.succeeded"))[0].data["result"]
    assert result == {"heard": [{"number": 1}, {"number": 2}]}
    resumed = await runs.events(job, "job.resumed")
    assert [one.actor for one in resumed] == [who.actor] * 2


async def test_a_signal_that_nobody_waits_for_is_refused(who: Principal) -> None:
    async with runs.working():
        job = await runs.submit(who, lambda run: run.wait_for("go"))
        await runs.parked(job)
        head = await in_thread(log.read_head, job)
        with pytest.raises(NotNow, match="does not wait for the signal 'no'"):
            await in_thread(commands.send_signal, who, job, "no")
        reader = await in_thread(make_user, "reader", "viewer")
        with pytest.raises((NotFound, Forbidden)):
            await in_thread(commands.send_signal, visibility.of_user(reader), job, "go")
        assert await in_thread(log.read_head, job) == head


async def test_a_signal_that_does_not_come_is_a_step_that_failed(who: Principal) -> None:
    async def does(run: Run) -> dict[str, str]:
        try:
            await run.wait_for("go", timeout=0.5)
        except StepFailed as failure:
            return {"error": failure.error["type"]}
        return {}

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "succeeded")
    result = (await runs.events(job, "job.succeeded"))[0].data["result"]
    assert result == {"error": "TimeoutError"}


async def test_an_ordinary_function_waits_for_words_too(who: Principal) -> None:
    def does(run: SyncRun) -> dict[str, Any]:
        opened = run.gate("canary")
        return {"by": opened.by, "heard": run.wait_for("go")}

    async with runs.working():
        job = await runs.submit_plain(who, does)
        await runs.parked(job)
        await tell(job, EventType.JOB_APPROVED, {"gate": "canary"})
        await runs.until_row(job, lambda row: row.parked and row.attempt == 2)
        await in_thread(commands.send_signal, who, job, "go", 7)
        await runs.until(job, "succeeded")
    result = (await runs.events(job, "job.succeeded"))[0].data["result"]
    assert result == {"by": "user:ann", "heard": 7}


async def test_a_paused_run_finishes_its_step_and_goes_on_when_resumed(who: Principal) -> None:
    steps = Steps(held="one")

    async def does(run: Run) -> None:
        for name in ("one", "two"):
            await run.step(name, steps)

    async with runs.working():
        job = await runs.submit(who, does, ["gs-1"])
        await steps.begun.wait()
        await tell(job, EventType.JOB_PAUSED, {"reason": "lunch"})
        steps.go.set()
        row = await runs.until_row(job, lambda row: row.lease_until is None)
        assert (row.status, steps.ran) == ("paused", ["one"])
        assert (await runs.types(job))[-2:] == ["job.paused", "step.succeeded"]
        await tell(job, EventType.JOB_RESUMED, {"reason": ""})
        assert (await runs.until(job, "succeeded")).attempt == 2
    assert steps.ran == ["one", "two"]


async def test_a_pause_holds_after_the_last_step_too(who: Principal) -> None:
    steps = Steps(held="one")
    async with runs.working():
        job = await runs.submit(who, lambda run: run.step("one", steps))
        await steps.begun.wait()
        await tell(job, EventType.JOB_PAUSED, {})
        steps.go.set()
        await runs.until_row(job, lambda row: row.lease_until is None)
        await tell(job, EventType.JOB_RESUMED, {})
        await runs.until(job, "succeeded")
    assert steps.ran == ["one"]


async def test_a_pause_holds_in_the_wait_for_the_next_try(who: Principal) -> None:
    async def fail(step: Step) -> None:
        raise OSError("no route")

    policy = Retry(tries=2, wait=4, jitter=False)
    async with runs.working():
        job = await runs.submit(who, lambda run: run.step("fetch", fail, retry=policy))
        row = await runs.parked(job)
        await tell(job, EventType.JOB_PAUSED, {})
        await in_thread(wait_until, partial(runs.is_past, row.due_at or clock.now()), "the moment")
        await in_thread(sweep_once)
        assert (await runs.types(job))[-1] == "job.paused"
        await tell(job, EventType.JOB_RESUMED, {})
        assert (await runs.until(job, "failed")).message == "fetch: no route."


async def test_a_pause_ends_a_short_wait_in_the_worker(who: Principal) -> None:
    with runs.scripts(park_seconds=3600):
        async with runs.working():
            job = await runs.submit(who, lambda run: run.sleep(1800))
            await runs.until_row(job, lambda row: row.head == 3)
            await tell(job, EventType.JOB_PAUSED, {})
            await runs.until_row(job, lambda row: row.lease_until is None)
            await in_thread(commands.cancel, who, job)
            await runs.until(job, "cancelled")


async def test_a_resume_before_the_step_is_through_is_as_if_nothing_was(who: Principal) -> None:
    steps = Steps(held="one")

    async def does(run: Run) -> None:
        await run.step("one", steps)
        await run.step("two", steps)

    async with runs.working():
        job = await runs.submit(who, does)
        await steps.begun.wait()
        await tell(job, EventType.JOB_PAUSED, {})
        await tell(job, EventType.JOB_RESUMED, {})
        steps.go.set()
        await runs.until(job, "succeeded")
    assert steps.ran == ["one", "two"]


async def test_a_gate_is_asked_for_again_after_a_pause(who: Principal) -> None:
    async def does(run: Run) -> None:
        await run.gate("canary")

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.parked(job)
        await tell(job, EventType.JOB_PAUSED, {})
        await tell(job, EventType.JOB_RESUMED, {})
        await runs.until_row(job, lambda row: row.parked and row.attempt == 2)
        await tell(job, EventType.JOB_APPROVED, {"gate": "canary"})
        await runs.until(job, "succeeded")
    assert len(await runs.events(job, "step.started")) == 1
