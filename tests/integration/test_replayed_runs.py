"""Runs of real workers: paused, handed over, lost, stopped hard. Their handlers replay them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from core.db import in_thread
from jobs import commands, log
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.replay.divergence import Divergence
from jobs.replay.handler import replay_handler
from jobs.replay.history import History
from jobs.run import Retry, Run, Step, SyncRun
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database", "redis", "scripts")
SERVERS = ["gs-1", "gs-2", "gs-3"]


@pytest.fixture
async def begun() -> asyncio.Event:
    return asyncio.Event()


async def replayed(job: UUID, kind: Any = runs.Script) -> Divergence | None:
    """Replay a job's log as it is now."""
    page = await in_thread(log.read, job)
    return await in_thread(replay_handler, History(job, kind.name, tuple(page.texts), {}), kind())


async def work(step: Step) -> str:
    step.output("working\n")
    return step.name


async def test_paused_retried_approved_and_ended(who: Principal, begun: asyncio.Event) -> None:
    go = asyncio.Event()

    async def holds(step: Step) -> None:
        begun.set()
        await go.wait()
        if step.number == 1:
            raise OSError("busy")

    async def does(run: Run) -> Any:
        await run.step("hold", holds, retry=Retry(2, wait=0.01))
        await run.gather(*(run.step("fetch", work, name) for name in SERVERS))
        await run.gate("go")
        await run.sleep(0.3)
        return {"at": str(await run.now()), "drawn": await run.random()}

    async with runs.working():
        job = await runs.submit(who, does)
        await begun.wait()
        await in_thread(steer.pause, who, job)
        go.set()
        await runs.until_row(job, lambda row: row.status == "paused" and row.lease_until is None)
        assert await replayed(job) is None
        await in_thread(steer.resume, who, job)
        await runs.parked(job)
        assert await replayed(job) is None
        await in_thread(commands.approve, who, job)
        await runs.until(job, "succeeded")
    assert str(await replayed(job)) == "None"


async def test_handed_over_in_the_middle(who: Principal, begun: asyncio.Event) -> None:
    async def holds(step: Step) -> None:
        begun.set()
        await asyncio.sleep(0.2)

    async def does(run: Run) -> None:
        for name in SERVERS:
            await run.step("hold", holds, name, undo=work)

    async with runs.working():
        job = await runs.submit(who, does)
        await begun.wait()
    assert await replayed(job) is None
    async with runs.working():
        await runs.until(job, "succeeded")
    assert len(await runs.events(job, "attempt.started")) == 2
    assert str(await replayed(job)) == "None"


async def test_stopped_while_steps_hang(who: Principal, begun: asyncio.Event) -> None:
    async def hangs(_: Step) -> None:
        begun.set()
        await runs.never()

    async def update(run: Run, name: str) -> None:
        await run.step("switch", work, name, undo=work)
        await run.step("hang", hangs, name)

    async def does(run: Run) -> None:
        async def one(name: str) -> None:
            await update(run, name)

        await run.rollout(SERVERS, one, batch=2)

    async with runs.working():
        job = await runs.submit(who, does)
        await begun.wait()
        await in_thread(commands.cancel, who, job)
        await runs.until(job, "cancelled")
    assert str(await replayed(job)) == "None"


async def test_a_plain_rollout_stopped_while_steps_hang(
    who: Principal, begun: asyncio.Event
) -> None:
    async def hangs(_: Step) -> None:
        begun.set()
        await runs.never()

    def does(run: SyncRun) -> None:
        def update(name: str) -> None:
            run.step("switch", str, name, undo=str)
            run.step("hang", hangs, name)

        run.rollout(SERVERS, update, batch=2)

    async with runs.working():
        job = await runs.submit_plain(who, does)
        await begun.wait()
        await in_thread(commands.cancel, who, job)
        await runs.until(job, "cancelled")
    assert str(await replayed(job, runs.Plain)) == "None"


async def test_a_stop_that_comes_before_a_step_begins_leaves_nothing_to_put_back(
    who: Principal,
) -> None:
    async def stops(step: Step) -> None:
        await in_thread(commands.cancel, who, step.run.job)

    async def does(run: Run) -> None:
        await run.step("stop", stops)
        await run.step("switch", work, "gs-1", undo=work)

    async with runs.working():
        job = await runs.submit(who, does)
        await runs.until(job, "cancelled")
    steps = [step.step for step in (await runs.state(job)).steps.values()]
    assert steps == ["stop"]
    assert str(await replayed(job)) == "None"
