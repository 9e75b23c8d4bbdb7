"""Scenes of several attempts: handed over, killed, lost for good."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import ClassVar
from uuid import UUID

from jobs.run import Run, Step
from jobs.run.step import StepFn
from tests.integration import runs
from tests.replay.scenes.scene import Scene, Servers, Stage, work
from tests.support.waiting import auntil


class HandedOver(Scene):
    name = "corpus-handed-over"
    title = "Go on with another worker"
    description = "the worker stops between two steps, and another one goes on"
    servers = ("gs-001", "gs-002")
    begun: ClassVar[asyncio.Event]

    async def run(self, run: Run, params: Servers) -> None:
        async def hold(step: Step) -> None:
            step.output("copying\n")
            type(self).begun.set()
            if step.run.attempt == 1:
                await auntil(lambda: step.run.handing_over, "the worker's stop")

        for server in params.servers:
            await run.step("copy", hold, server)
            await run.progress(params.servers.index(server) + 1, len(params.servers))

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        cls.begun = asyncio.Event()
        job = await stage.submit(cls, cls.servers)
        async with runs.working():
            await cls.begun.wait()
        async with runs.working():
            return await stage.end(job)


class KilledTwice(Scene):
    name = "corpus-killed-twice"
    title = "Lose two workers"
    description = "the worker is killed twice in the same step; the third attempt goes on"
    servers = ("gs-001",)

    async def run(self, run: Run, params: Servers) -> None:
        [server] = params.servers
        await run.step("fetch", work, server)
        await run.step("restart", dies_until(3), server)

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls, cls.servers)
        async with stage.dying_workers(cls):
            return await stage.end(job)


class LostForGood(Scene):
    name = "corpus-lost-for-good"
    title = "Lose every worker"
    description = "as many attempts as may end without a word: the job fails, and says which"
    max_attempts = 2

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("restart", dies_until(100))

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        job = await stage.submit(cls)
        async with stage.dying_workers(cls):
            return await stage.end(job)


def dies_until(attempt: int) -> StepFn:
    """Return a step's function that ends its worker in each attempt before this one."""

    async def restart(step: Step) -> None:
        if step.run.attempt < attempt:
            os.kill(os.getpid(), signal.SIGKILL)
        step.output("restarted\n")

    return restart


SCENES = (HandedOver, KilledTwice, LostForGood)
