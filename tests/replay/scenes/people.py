"""Scenes of what people do to a job: stop it, do it again, go on from it, have it scheduled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel

from core.db import in_thread
from jobs import commands, schedules
from jobs.commands.fork import fork
from jobs.commands.retry import retry
from jobs.events import EventType
from jobs.kinds import Kind, Plan
from jobs.models import Job, Schedule
from jobs.run import Cancelled as Stopped
from jobs.run import Run, Step, StepFailed
from jobs.secrets import Secret
from tests.integration import runs
from tests.replay.scenes.scene import Scene, Servers, Stage, breaks, work

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


class Cancelled(Scene):
    name = "corpus-cancelled"
    title = "Be stopped in the middle"
    description = "stopped while a step runs: the step is ended, what came before is put back"
    servers = ("gs-001",)
    begun: ClassVar[asyncio.Event]

    async def run(self, run: Run, params: Servers) -> None:
        async def restart(step: Step) -> None:
            step.output("waiting for an answer\n")
            type(self).begun.set()
            await runs.never()

        [server] = params.servers
        await run.step("switch", work, server, undo=work)
        await run.step("restart", restart, server)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        cls.begun = asyncio.Event()
        job = await stage.submit(cls, cls.servers)
        async with runs.working():
            await cls.begun.wait()
            await stage.act(commands.cancel, job, "The wrong version.")
            return await stage.end(job)


class CancelledWithResult(Scene):
    name = "corpus-cancelled-with-result"
    title = "Be stopped, and say how things stand"
    description = "stopped while a step comes to its end: the handler says what it has done"
    servers = ("gs-001", "gs-002")
    begun: ClassVar[asyncio.Event]
    goes: ClassVar[asyncio.Event]

    async def run(self, run: Run, params: Servers) -> Any:
        async def copy(_: Step) -> None:
            type(self).begun.set()
            await type(self).goes.wait()

        copied = []
        try:
            for server in params.servers:
                await run.step("copy", copy, server)
                copied.append(server)
        except Stopped:
            await run.step("note", work, always=True)
        return {"copied": copied}

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        cls.begun, cls.goes = asyncio.Event(), asyncio.Event()
        job = await stage.submit(cls, cls.servers)
        async with runs.working():
            await cls.begun.wait()
            await stage.act(commands.cancel, job)
            cls.goes.set()
            return await stage.end(job)


class CancelledEarly(Scene):
    name = "corpus-cancelled-early"
    title = "Be stopped before the start"
    description = "stopped while it is queued: no worker ever has it"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        await stage.act(commands.cancel, job)
        return await stage.end(job)


class Repaired(Scene):
    """A run that fails, and what people make of it once what was broken works."""

    works: ClassVar[bool] = False
    servers = ("gs-001", "gs-002")

    async def run(self, run: Run, params: Servers) -> None:
        first, second = params.servers
        await run.step("switch", work, first)
        try:
            await run.step("look", breaks, first)
        except StepFailed as failed:
            await run.skip("tune", first, str(failed))
        await run.step("measure", measures, first)
        await run.step("switch", work if type(self).works else breaks, second)
        await run.step("tell", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        cls.works = False
        failed = await stage.submit(cls, cls.servers)
        async with runs.working():
            await stage.end(failed)
            cls.works = True
            return await stage.end(await cls.again(stage, failed))

    @classmethod
    async def again(cls, stage: Stage, failed: UUID) -> UUID:
        raise NotImplementedError


class Retry(Repaired):
    name = "corpus-retry"
    title = "Do it again"
    description = "a job that does a failed one's work again"

    @classmethod
    async def again(cls, stage: Stage, failed: UUID) -> UUID:
        return (await in_thread(retry, stage.second, failed, "all"))[0].pk


class Forked(Repaired):
    name = "corpus-forked"
    title = "Go on from the failed step"
    description = "a fork that keeps steps: one that succeeded, one that failed, one left out"

    @classmethod
    async def again(cls, stage: Stage, failed: UUID) -> UUID:
        *_, measured = await runs.events(failed, EventType.STEP_SUCCEEDED)
        return (await in_thread(fork, stage.operator, failed, measured.seq))[0].pk


class Scheduled(Scene):
    name = "corpus-scheduled"
    title = "Run at night"
    description = "a job that a schedule has submitted"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch", work)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await in_thread(fire_schedule, stage, cls.name)
        async with runs.working():
            return await stage.end(job)


class ScheduleRefused(Scheduled):
    name = "corpus-schedule-refused"
    title = "Run at night, where nobody may"
    description = "a job that a schedule could not submit, since its owner has left"

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        stage.operator.user.is_active = False
        await in_thread(stage.operator.user.save)
        return await in_thread(fire_schedule, stage, cls.name)


class SecretServers(BaseModel):
    """A password, for servers."""

    servers: list[str] = []
    password: Secret


class SecretsMasked(Kind[SecretServers]):
    name = "corpus-secrets-masked"
    title = "Sign in with a password"
    description = "a secret parameter that a step says aloud: everything recorded has it masked"
    Params = SecretServers
    config: ClassVar[dict[str, Any]] = {}

    def plan(self, params: SecretServers) -> Plan:
        return Plan(words=f"Sign in with {params.password}.")

    async def run(self, run: Run, params: SecretServers) -> Any:
        async def sign_in(step: Step) -> dict[str, str]:
            said = step.reveal(params.password)
            step.output(f"$ login --password {said}\n")
            return {"token": f"{said}/1"}

        return await run.step("sign in", sign_in)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        params = {"password": "correct horse battery"}
        made, _ = await in_thread(commands.submit, stage.operator, cls.name, params)
        async with runs.working():
            return await stage.end(made.pk)


async def measures(step: Step) -> dict[str, float]:
    """Return a result."""
    return {"load": 0.4}


def fire_schedule(stage: Stage, kind: str) -> UUID:
    """Have a schedule's moment come; return the job that it makes."""
    nightly = Schedule(
        name="nightly", kind=kind, params={}, cron="0 3 * * *", timezone="UTC",
        owner=stage.operator.user, author=stage.operator.user, changed_by=stage.second.user,
    )  # fmt: skip
    schedules.plan_next(nightly, MONDAY)
    nightly.save()
    schedules.fire_due(MONDAY + timedelta(hours=3))
    return Job.objects.get(kind=kind).pk


SCENES = (
    Cancelled, CancelledWithResult, CancelledEarly, Retry, Forked, Scheduled, ScheduleRefused,
    SecretsMasked,
)  # fmt: skip
