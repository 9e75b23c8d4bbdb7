"""A scene: a kind whose runs show one behaviour, and what makes such a run."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.events.fold import TERMINAL
from jobs.kinds import Kind, Plan
from jobs.models import Job
from jobs.run import Step
from tests.integration import runs
from tests.support import workers
from tests.support.sweeps import sweep_once

PREFIX = "corpus-"


class Servers(BaseModel):
    """On which servers a scene plays."""

    servers: list[str] = []


@dataclass(frozen=True)
class Stage:
    """Who acts in a scene, on which database, in which folder."""

    operator: Principal
    second: Principal
    database: str
    folder: Path

    async def submit(self, kind: type[Kind[Any]], servers: Sequence[str] = (), **how: Any) -> UUID:
        """Submit a job of the operator's; return its id."""
        params = {"servers": list(servers)} if servers else {}
        make = partial(commands.submit, self.operator, kind.name, params, **how)
        return (await in_thread(make))[0].pk

    async def end(self, job: UUID) -> UUID:
        """Wait for the job's end, which workers bring about; return its id."""
        await runs.until(job, *TERMINAL)
        return job

    async def act(self, command: Any, job: UUID, *words: Any, by: Principal | None = None) -> None:
        """Have a person steer the job."""
        await in_thread(command, by or self.operator, job, *words)

    @asynccontextmanager
    async def dying_workers(self, kind: type[Kind[Any]]) -> AsyncIterator[None]:
        """Run a worker process, another one when it ends, and the sweep in this process."""
        env = {
            "DATABASE_URL": self.database,
            "REPRISE_KINDS": f"{kind.__module__}.{kind.__qualname__}",
            "REPRISE_LEASE_SECONDS": "2",
        }
        with workers.restarted(**env):
            over = asyncio.Event()
            sweeping = asyncio.create_task(_sweep_until(over))
            try:
                yield
            finally:
                over.set()
                await sweeping


class Scene(Kind[Servers]):
    """One behaviour of a run. `description` says which; `config` are settings that it takes."""

    Params = Servers
    config: ClassVar[dict[str, Any]] = {}
    servers: ClassVar[tuple[str, ...]] = ()

    def plan(self, params: Servers) -> Plan:
        return Plan()

    def targets(self, params: Servers) -> list[str]:
        return params.servers

    @abstractmethod
    async def run(self, run: Any, params: Servers) -> Any:
        """Do what the scene shows."""

    @classmethod
    async def play(cls, stage: Stage) -> UUID:
        """Have a run made, by people and workers; return its job, which is over."""
        job = await stage.submit(cls, cls.servers)
        async with runs.working():
            return await stage.end(job)


async def work(step: Step) -> None:
    """Say that something was done."""
    step.output(f"{step.name} is done\n")


async def breaks(step: Step) -> None:
    """Fail."""
    step.output("no route to host\n", "err")
    raise OSError("no route to host")


async def until_row(job: UUID, status: str, waits_for: str = "") -> Job:
    """Wait until nobody runs the job, and it is or waits as wanted."""
    return await runs.until_row(
        job,
        lambda row: (
            row.status == status
            and row.lease_until is None
            and (not waits_for or row.waiting_for[0].get("for", "targets") == waits_for)
        ),
    )


async def _sweep_until(over: asyncio.Event) -> None:
    while not over.is_set():
        await in_thread(sweep_once)
        await asyncio.sleep(runs.SWEEP_SECONDS)
