"""What tests of version updates share: a fleet as inventory, jobs on it, and how they went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from core.db import in_thread
from jobs import commands, log
from jobs.access.visibility import Principal, of_user
from jobs.events import Event, parse
from jobs.events.fold import TERMINAL, State, fold_all
from jobs.models import Job, Target
from jobs.worker.worker import Worker
from tests.support.factories import make_team, make_user
from tests.support.fleet_process import RunningFleet
from tests.support.waiting import until


def take_stock(fleet: RunningFleet, hosts: Sequence[str] = ()) -> None:
    """Write the fleet's servers into the inventory, over ssh where there are addresses of hosts."""
    for number, server in enumerate(fleet.book["servers"]):
        Target.objects.create(
            name=server["name"],
            group=server["group"],
            labels=server["labels"],
            transport="ssh" if hosts else "local",
            address=hosts[number % len(hosts)] if hosts else server["url"],
            variables=server["variables"],
        )


def operator() -> Principal:
    """Return an operator of the only team."""
    return of_user(make_user(team=make_team()))


def submit(who: Principal, servers: Sequence[str], version: str = "1.5.0", **how: Any) -> UUID:
    """Submit a version update; return its id."""
    params = {"servers": list(servers), "version": version, **how}
    return commands.submit(who, "version-update", params)[0].pk


@dataclass(frozen=True)
class Told:
    """A job's log, and what it folds to."""

    events: list[Event]
    state: State

    @classmethod
    def of(cls, job: UUID) -> Told:
        """Read a job's log."""
        events = [parse(text) for page in log.read_history(job) for text in page.texts]
        return cls(events, fold_all(State(), events))

    @property
    def ending(self) -> Event:
        """The last event."""
        return self.events[-1]

    def of_type(self, event_type: str, target: str | None = None) -> list[Event]:
        """Return the events of a type, of one target where it is given."""
        return [
            event
            for event in self.events
            if event.type == event_type and target in {None, event.target}
        ]

    def steps(self, event_type: str, target: str) -> list[str]:
        """Return the steps of a target that have such an event, in order."""
        return [str(event.step) for event in self.of_type(event_type, target)]

    def output(self, target: str, step: str) -> str:
        """Return all output of a step on a target."""
        wanted = [one for one in self.of_type("step.output", target) if one.step == step]
        return "".join(event.data["text"] for event in wanted)


def work(*jobs: UUID, meanwhile: Callable[[], object] = lambda: None) -> list[Told]:
    """Have a worker in this process until these jobs have ended; return how they went.

    `meanwhile` is called in a thread of its own, while the worker works.
    """
    asyncio.run(_work(jobs, meanwhile))
    return [Told.of(job) for job in jobs]


async def _work(jobs: Sequence[UUID], meanwhile: Callable[[], object]) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(Worker(4).serve(stop))
    try:
        await in_thread(meanwhile)
        for job in jobs:
            await in_thread(until, partial(is_over, job), f"the end of job {job}")
    finally:
        stop.set()
        await serving


def is_over(job: UUID) -> bool:
    """Whether the job has ended."""
    return Job.objects.get(pk=job).status in TERMINAL
