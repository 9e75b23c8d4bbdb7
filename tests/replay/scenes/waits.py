"""Scenes of runs that wait: for time, signals, approvals, targets, their turn, code."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.test import override_settings

from core import clock
from core.db import in_thread
from jobs.commands import steer
from jobs.kinds import registry
from jobs.models import Job
from jobs.run import Run, Step
from tests.integration import runs
from tests.replay.scenes.scene import Scene, Servers, Stage, until_row, work


class GateApproved(Scene):
    name = "corpus-gate-approved"
    title = "Ask before the second server"
    description = "parked at a gate, with a time limit, and approved by somebody else"
    servers = ("gs-001", "gs-002")

    async def run(self, run: Run, params: Servers) -> Any:
        first, second = params.servers
        await run.step("switch", work, first)
        asked = await run.gate("canary", f"Is {first} well?", not_by_submitter=True, timeout=3600)
        await run.step("switch", work, second)
        return {"approved_by": asked.by}

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls, cls.servers)
        async with runs.working():
            await runs.parked(job)
            await stage.act(steer.approve, job, "It answers.", by=stage.second)
            return await stage.end(job)


class GateRejected(Scene):
    name = "corpus-gate-rejected"
    title = "Ask, and be told no"
    description = "parked at a gate and rejected: the run fails and puts back"
    servers = ("gs-001",)

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("switch", work, params.servers[0], undo=work)
        await run.gate("rest", "The rest as well?")

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls, cls.servers)
        async with runs.working():
            await runs.parked(job)
            await stage.act(steer.reject, job, "gs-001 is too slow.", by=stage.second)
            return await stage.end(job)


class GateExpired(Scene):
    name = "corpus-gate-expired"
    title = "Ask, and hear nothing"
    description = "parked at a gate that nobody answers in time"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch", work)
        await run.gate("go", "Shall it?", timeout=2)


class ApprovedBefore(Scene):
    name = "corpus-approved-before"
    title = "Ask before the start"
    description = "the settings ask for an approval before the run starts"
    config = {"approvals": {"corpus-approved-before": ("start", "others")}}

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        async with runs.working():
            await runs.parked(job)
            await stage.act(steer.approve, job, by=stage.second)
            return await stage.end(job)


class Signalled(Scene):
    name = "corpus-signalled"
    title = "Wait for a build"
    description = "two signals waited for: one comes with data, the other does not in time"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("ask", work)
        await run.wait_for("built", timeout=3600)
        await run.wait_for("tested", timeout=2)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        async with runs.working():
            await runs.parked(job)
            await stage.act(steer.send_signal, job, "built", {"version": "2.1", "files": [1, 2]})
            return await stage.end(job)


class Slept(Scene):
    name = "corpus-slept"
    title = "Let it settle"
    description = "sleeps, short and parked, and a moment waited for; due later, with a priority"

    async def run(self, run: Run, params: Servers) -> None:
        await run.sleep(0.05, "breathe")
        await run.sleep(timedelta(seconds=2), "settle")
        await run.until(await run.now() + timedelta(seconds=2), "window")

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        soon = clock.now() + timedelta(seconds=3)
        labels = {"ticket": "OPS-12"}
        job = await stage.submit(cls, start_at=soon, priority=3, title="Settle", labels=labels)
        async with runs.working():
            return await stage.end(job)


class Holding(Scene):
    """A run that holds what another one waits for, until that one waits."""

    goes: ClassVar[asyncio.Event]
    awaited: ClassVar[str]

    async def run(self, run: Run, params: Servers) -> None:
        async def hold(_: Step) -> None:
            await type(self).goes.wait()

        await run.step("hold", hold)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        cls.goes = asyncio.Event()
        await stage.submit(cls, cls.servers)
        async with runs.working():
            await runs.until_row(await first_job(cls.name), lambda row: row.status == "running")
            job = await stage.submit(cls, cls.servers)
            await until_row(job, "waiting", cls.awaited)
            cls.goes.set()
            return await stage.end(job)


class TargetAwaited(Holding):
    name = "corpus-target-awaited"
    title = "Wait for a server"
    description = "a job that waits for a target that another one has"
    servers = ("gs-001",)
    awaited = "targets"


class TurnAwaited(Holding):
    name = "corpus-turn-awaited"
    title = "Wait for a turn"
    description = "a job that waits since as many of its kind run as may"
    max_running = 1
    awaited = "limit"


class KindAwaited(Scene):
    name = "corpus-kind-awaited"
    title = "Wait for a host that knows the kind"
    description = "a worker that does not know the kind leaves the job to one that does"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        with override_settings(REPRISE_KINDS=()):
            registry.forget_kinds()
            async with runs.working():
                await until_row(job, "waiting", "kind")
        registry.forget_kinds()
        async with runs.working():
            return await stage.end(job)


class CodeAwaited(Scene):
    name = "corpus-code-awaited"
    title = "Wait for the code that it began with"
    description = "a worker whose code cannot go on leaves the run to the one that it began with"
    code: ClassVar[str] = "1"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch" if type(self).code == "1" else "get", work)
        await run.gate("go")
        await run.step("switch", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        async with runs.working():
            await runs.parked(job)
        await stage.act(steer.approve, job)
        cls.code = cls.version = "2"
        async with runs.working():
            await until_row(job, "waiting", "kind")
        cls.code = cls.version = "1"
        async with runs.working():
            return await stage.end(job)


class Patched(Scene):
    name = "corpus-patched"
    title = "Go on after a change that has a name"
    description = "parked before a patch came: one place keeps the old way, the next takes the new"
    is_old: ClassVar[bool] = False

    async def run(self, run: Run, params: Servers) -> None:
        if not type(self).is_old and await run.patched("drain first"):
            await run.step("drain", work)
        await run.step("fetch", work)
        await run.gate("go")
        if not type(self).is_old and await run.patched("tell others"):
            await run.step("tell", work)
        await run.step("switch", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        cls.is_old = True
        async with runs.working():
            await runs.parked(job)
        cls.is_old = False
        await stage.act(steer.approve, job)
        async with runs.working():
            return await stage.end(job)


async def first_job(kind: str) -> UUID:
    """Return the only job of a kind."""
    return (await in_thread(Job.objects.get, kind=kind)).pk


SCENES = (
    GateApproved, GateRejected, GateExpired, ApprovedBefore, Signalled, Slept, TargetAwaited,
    TurnAwaited, KindAwaited, CodeAwaited, Patched,
)  # fmt: skip
