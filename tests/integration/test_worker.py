"""The worker against a real queue: how runs end, what is recorded, what is not run again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from core.db import in_thread
from jobs import commands, log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import EventType, NewEvent
from jobs.kinds import registry
from jobs.models import Job
from jobs.queue import leases
from jobs.queue.dispatch import wake_jobs
from jobs.run import MAX_MESSAGE
from jobs.worker.worker import Worker
from tests.integration.runs import events, until
from tests.support import kinds
from tests.support.factories import make_team, make_user
from tests.support.sweeps import sweep_once

pytestmark = pytest.mark.usefixtures("database", "test_kinds")


@pytest.fixture
def test_kinds() -> Iterator[None]:
    registry._find_kinds.cache_clear()
    config = settings.REPRISE.with_changes(
        lease_seconds=2, cancel_grace_seconds=0.5, sweep_seconds=0.2
    )
    with override_settings(REPRISE_KINDS=kinds.PATHS, REPRISE=config):
        kinds.Say.said.clear()
        kinds.Say.go, kinds.Say.spoken = asyncio.Event(), asyncio.Event()
        yield
    registry._find_kinds.cache_clear()


@pytest.fixture
def operator() -> Principal:
    return visibility.of_user(make_user(team=make_team()))


@asynccontextmanager
async def working() -> AsyncIterator[Worker]:
    worker, stop = Worker(4), asyncio.Event()
    serving = asyncio.create_task(worker.serve(stop))
    try:
        yield worker
    finally:
        stop.set()
        await serving


async def submit(operator: Principal, kind: str = "test-say", **params: Any) -> UUID:
    job, _new = await in_thread(commands.submit, operator, kind, params)
    return job.pk


async def test_a_run_is_recorded_from_submission_to_success(operator: Principal) -> None:
    async with working():
        job = await until(await submit(operator, words=["a", "b"]), "succeeded")
    found = await events(job.pk)
    assert [event.type for event in found] == [
        "job.submitted", "attempt.started",
        "step.started", "step.output", "step.succeeded", "job.progressed",
        "step.started", "step.output", "step.succeeded", "job.progressed",
        "job.succeeded",
    ]  # fmt: skip
    assert found[4].data["result"] == "A"
    assert found[-1].data["result"]["said"] == ["A", "B"]
    assert (job.done, job.total, job.lease_until) == (2, 2, None)


async def test_a_plain_function_is_a_handler_too(operator: Principal) -> None:
    async with working():
        job = await until(await submit(operator, "test-plain", words=["x"]), "succeeded")
    assert (await events(job.pk))[-1].data["result"] == {"said": ["X"]}


async def test_a_failing_step_fails_the_job_with_its_sentence(operator: Principal) -> None:
    async with working():
        job = await until(await submit(operator, words=["a", "b"], bad="a"), "failed")
    assert job.message == "Could not say a."
    failed = [event for event in await events(job.pk) if event.type == "step.failed"]
    assert failed[0].data["error"] == {"type": "ValueError", "message": "a is a bad word"}
    assert kinds.Say.said == ["a"]


async def test_recorded_steps_are_not_run_again(operator: Principal) -> None:
    job_id = await submit(operator, words=["a", "b"])
    lease = await in_thread(leases.take_job, job_id, "dead/1")
    assert lease is not None
    before = [
        NewEvent(EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, "say", "a"),
        NewEvent(EventType.STEP_SUCCEEDED, {"try": 1, "occurrence": 1, "result": "A!"}, "say", "a"),
        NewEvent(EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, "say", "b"),
    ]
    await in_thread(log.append, job_id, before, actor="worker:dead/1", fence=lease.fence)
    await in_thread(leases.release_lease, job_id, lease.fence)
    async with working():
        await in_thread(wake_jobs, [job_id])
        job = await until(job_id, "succeeded")
    assert kinds.Say.said == ["b"]
    assert job.attempt == 2
    assert (await events(job_id))[-1].data["result"]["said"] == ["A!", "B"]


async def test_a_job_whose_worker_died_is_swept_up(operator: Principal) -> None:
    job_id = await submit(operator, words=["a"])
    assert await in_thread(leases.take_job, job_id, "dead/1") is not None
    async with working():
        while (await in_thread(Job.objects.get, pk=job_id)).status == "running":
            await in_thread(sweep_once)
            await asyncio.sleep(0.05)
        assert (await until(job_id, "succeeded")).attempt == 2


async def test_a_heartbeat_on_its_way_does_not_bring_back_a_lease_given_back(
    operator: Principal,
) -> None:
    job_id = await submit(operator, words=["a"])
    lease = await in_thread(leases.take_job, job_id, "leaving/1")
    assert lease is not None
    held = {job_id: lease.fence}
    assert await in_thread(leases.renew_leases, held) == {job_id: "running"}
    await in_thread(leases.release_lease, job_id, lease.fence)
    assert await in_thread(leases.renew_leases, held) == {}
    assert (await in_thread(Job.objects.get, pk=job_id)).lease_until is None


async def test_a_zombie_writes_nothing(operator: Principal) -> None:
    job_id = await submit(operator, words=["a"], hold=True)
    async with working():
        await kinds.Say.spoken.wait()
        await in_thread(_expire_and_take, job_id)
        head = await in_thread(log.read_head, job_id)
        kinds.Say.go.set()
        await asyncio.sleep(0)
    assert await in_thread(log.read_head, job_id) == head


def _expire_and_take(job_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update jobs_job set lease_until = now() - interval '1 second'")
    assert leases.take_job(job_id, "other/2") is not None


async def test_cancelling_ends_a_running_step_after_the_grace(operator: Principal) -> None:
    async with working():
        job_id = await submit(operator, words=["a", "b"], hold=True)
        await kinds.Say.spoken.wait()
        await in_thread(commands.cancel, operator, job_id)
        job = await until(job_id, "cancelled")
    found = [event.type for event in await events(job_id)]
    types = [each for each in found if each != EventType.STEP_OUTPUT]  # lingers a moment
    assert types[-3:] == ["job.cancel_requested", "step.failed", "job.cancelled"]
    assert job.message == "Stopped on request."
    assert kinds.Say.said == ["a"]


async def test_a_plain_handlers_step_is_ended_before_its_job_is(operator: Principal) -> None:
    async with working():
        job_id = await submit(operator, "test-plain", words=["a"], hold=True)
        await kinds.Say.spoken.wait()
        await in_thread(commands.cancel, operator, job_id)
        await until(job_id, "cancelled")
    types = [event.type for event in await events(job_id)]
    assert types[-3:] == ["job.cancel_requested", "step.failed", "job.cancelled"]


async def test_an_ending_that_cannot_be_stored_ends_the_job_all_the_same(
    operator: Principal,
) -> None:
    async with working():
        job = await until(await submit(operator, words=["a"], odd=True), "failed")
    assert "cannot be stored" in job.message


async def test_a_long_error_is_cut(operator: Principal) -> None:
    async with working():
        job = await until(await submit(operator, words=["x" * 20_000], bad="x" * 20_000), "failed")
    failed = [event for event in await events(job.pk) if event.type == "step.failed"]
    assert len(failed[0].data["error"]["message"]) == MAX_MESSAGE


async def test_a_queued_job_is_cancelled_at_once(operator: Principal) -> None:
    job_id = await submit(operator)
    await in_thread(commands.cancel, operator, job_id)
    assert (await events(job_id))[-1].type == "job.cancelled"


async def test_a_busy_target_is_waited_for_in_order(operator: Principal) -> None:
    async with working():
        first = await submit(operator, words=["1"], claim=["gs-1"], hold=True)
        await kinds.Say.spoken.wait()
        second = await submit(operator, words=["2"], claim=["gs-1", "gs-2"])
        waiting = await until(second, "waiting")
        assert waiting.waiting_for == [{"target": "gs-1", "job": str(first)}]
        third = await submit(operator, words=["3"], claim=["gs-2"])
        waiting = await until(third, "waiting")
        assert waiting.waiting_for == [{"target": "gs-2", "job": str(second)}]
        kinds.Say.go.set()
        for job_id in (first, second, third):
            assert (await until(job_id, "succeeded")).attempt == 1
    assert kinds.Say.said == ["1", "2", "3"]


async def test_sigterm_hands_a_run_over_between_steps(operator: Principal) -> None:
    async with working():
        job_id = await submit(operator, words=["a", "b"], hold=True)
        await kinds.Say.spoken.wait()
        asyncio.get_running_loop().call_later(0.2, kinds.Say.go.set)
    job = await in_thread(Job.objects.get, pk=job_id)
    assert (job.status, job.lease_until) == ("running", None)
    async with working():
        assert (await until(job_id, "succeeded")).attempt == 2
    assert kinds.Say.said == ["a", "b"]
