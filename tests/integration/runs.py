"""What tests of the run API share: a kind that does what a test says, a worker, its log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.test import override_settings
from pydantic import BaseModel

from core.db import in_thread
from jobs import commands, log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import Event, EventType, NewEvent, parse
from jobs.events.fold import State, fold_all
from jobs.kinds import Kind, registry
from jobs.models import Job
from jobs.run import Run, SyncRun
from jobs.worker.worker import Worker
from tests.support.factories import make_team, make_user
from tests.support.sweeps import sweep_once

SWEEP_SECONDS = 0.05


class Nothing(BaseModel):
    """Parameters of a script."""

    targets: list[str] = []


class Script(Kind[Nothing]):
    """A kind whose handler is whatever the test at hand says."""

    name = "test-script"
    title = "Do what the test says"
    Params = Nothing
    does: ClassVar[Callable[[Run], Awaitable[Any]]]

    def targets(self, params: Nothing) -> list[str]:
        return params.targets

    async def run(self, run: Run, params: Nothing) -> Any:
        return await type(self).does(run)


class Plain(Kind[Nothing]):
    """The same with an ordinary function."""

    name = "test-plain-script"
    title = "Do what the test says, synchronously"
    Params = Nothing
    does: ClassVar[Callable[[SyncRun], Any]]

    def run(self, run: SyncRun, params: Nothing) -> Any:
        return type(self).does(run)


@contextmanager
def scripts(**changed: Any) -> Iterator[None]:
    """Make the kinds known, with short times, for a test."""
    registry._find_kinds.cache_clear()
    short = {"lease_seconds": 2, "cancel_grace_seconds": 0.5, "sweep_seconds": 0.1}
    config = settings.REPRISE.with_changes(**{**short, "park_seconds": 0.2, **changed})
    paths = ("tests.integration.runs.Script", "tests.integration.runs.Plain")
    with override_settings(REPRISE_KINDS=paths, REPRISE=config):
        yield
    registry._find_kinds.cache_clear()


def operator() -> Principal:
    """Return an operator of the only team."""
    return visibility.of_user(make_user(team=make_team()))


@asynccontextmanager
async def working(workers: int = 1) -> AsyncIterator[None]:
    """Run workers, one after the other started, and the sweep, in this process."""
    stop = asyncio.Event()
    serving = [asyncio.create_task(Worker(4).serve(stop)) for _ in range(workers)]
    sweeping = asyncio.create_task(_sweep(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*serving, sweeping)


async def _sweep(stop: asyncio.Event) -> None:
    while not stop.is_set():
        await in_thread(sweep_once)
        await asyncio.sleep(SWEEP_SECONDS)


async def submit(
    who: Principal, does: Callable[[Run], Awaitable[Any]], targets: Sequence[str] = ()
) -> UUID:
    """Submit a script; return its id."""
    Script.does = does
    return (await in_thread(commands.submit, who, Script.name, {"targets": list(targets)}))[0].pk


async def submit_plain(who: Principal, does: Callable[[SyncRun], Any]) -> UUID:
    """Submit an ordinary function; return its id."""
    Plain.does = does
    return (await in_thread(commands.submit, who, Plain.name, {}))[0].pk


async def until(job: UUID, *statuses: str) -> Job:
    """Wait for a status; the suite's timeout is the limit."""
    return await until_row(job, lambda row: row.status in statuses)


async def until_row(job: UUID, look: Callable[[Job], bool]) -> Job:
    """Wait until the row is as wanted; return it."""
    while True:
        row: Job = await in_thread(Job.objects.get, pk=job)
        if look(row):
            return row
        await asyncio.sleep(0.02)


async def parked(job: UUID) -> Job:
    """Wait until nobody runs the job because it waits by itself; return its row."""
    return await until_row(job, lambda row: row.parked and row.lease_until is None)


async def events(job: UUID, *types: str) -> list[Event]:
    """Return a job's events, of some types where they are named."""
    page = await in_thread(log.read, job)
    found = [parse(text) for text in page.texts]
    return [event for event in found if not types or event.type in types]


async def types(job: UUID) -> list[str]:
    """Return the types of a job's events without output."""
    return [event.type for event in await events(job) if event.type != "step.output"]


async def state(job: UUID) -> State:
    """Return what a job's log folds to."""
    return fold_all(State(), await events(job))


async def never() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


def is_past(moment: datetime) -> bool:
    """Whether a moment has passed by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp() > %s", [moment])
        return bool(cursor.fetchone()[0])


def ended() -> NewEvent:
    """Return the event of a run that succeeded."""
    return NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})
