"""Workers with one code after the other: a kind whose handler changes while a run is parked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.run import Run, Step
from tests.integration import runs

Handler = Callable[[Run], Awaitable[Any]]
ran: list[str] = []


@contextmanager
def deployments() -> Iterator[None]:
    """Make the kind known for a test."""
    ran.clear()
    with runs.scripts():
        yield
    runs.Script.version = ""


async def note(step: Step) -> None:
    ran.append(step.name)


def at_gate(*names: str, after: str = "tell") -> Handler:
    """Return a handler that runs these steps, waits at a gate, and runs another one."""

    async def does(run: Run) -> None:
        for name in names:
            await run.step(name, note)
        await run.gate("go")
        await run.step(after, note)

    return does


@asynccontextmanager
async def deployed(version: str, handler: Handler) -> AsyncIterator[None]:
    """Run a worker with this code."""
    runs.Script.version, runs.Script.does = version, handler
    async with runs.working():
        yield


async def parked_at_gate(who: Principal) -> UUID:
    """Run version 1 until it waits at its gate, and approve."""
    async with deployed("1", at_gate("fetch", "switch")):
        job = await runs.submit(who, runs.Script.does)
        await runs.parked(job)
    await in_thread(commands.approve, who, job)
    ran.clear()
    return job
