"""A kind whose handler each test writes, and how it was written before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from jobs.kinds import Kind
from jobs.replay import harness
from jobs.replay.divergence import Divergence
from jobs.replay.handler import replay_handler
from jobs.replay.harness import CompletedRun
from jobs.run import Run, Step, SyncRun

Handler = Callable[[Run], Awaitable[Any]]


class Servers(BaseModel):
    """Which servers."""

    servers: list[str] = ["gs-1", "gs-2", "gs-3"]


def kind_of(handler: Handler) -> Kind[Servers]:
    """Return a kind with this handler."""

    class Deploy(Kind[Servers]):
        name = "deploy"
        title = "Deploy"
        Params = Servers

        async def run(self, run: Run, params: Servers) -> Any:
            return await handler(run)

    return Deploy()


def plain_kind_of(handler: Callable[[SyncRun], Any]) -> Kind[Servers]:
    """Return a kind whose handler is an ordinary function."""

    class Deploy(Kind[Servers]):
        name = "deploy"
        title = "Deploy"
        Params = Servers

        def run(self, run: SyncRun, params: Servers) -> Any:
            return handler(run)

    return Deploy()


async def work(step: Step) -> str:
    """Do nothing, as a step that replays must not call does it."""
    return step.name.upper()


def ran(handler: Handler, **script: Any) -> CompletedRun:
    """Run a handler in memory."""
    return harness.run_sync(kind_of(handler), **script)


def parted(before: Handler, now: Handler, **script: Any) -> Divergence:
    """Return where a handler parts from the record of the one before."""
    history = ran(before, **script).history
    assert replay_handler(history, kind_of(before)) is None
    found = replay_handler(history, kind_of(now))
    assert found is not None
    return found
