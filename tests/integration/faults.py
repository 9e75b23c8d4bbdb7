"""Kinds that misbehave, run one after the other in a worker, and how that ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from django.contrib.auth.models import User

from core.db import in_thread
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import Event
from jobs.models import Job
from jobs.run import Run
from tests.integration import runs

Handler = Callable[[Any], Any]
ENDS = {"step.failed", "step.succeeded"}


class Ended:
    """How a job ended: its events, its row's status, attempt and message."""

    def __init__(self, found: list[Event], row: Job) -> None:
        self.events, self.status, self.message = found, row.status, row.message
        self.attempt, self.data = row.attempt, found[-1].data

    @property
    def failures(self) -> list[str]:
        """What the steps that failed say. None has been left open."""
        opened = {(one.step, one.target) for one in self.events if one.type == "step.started"}
        closed = {(one.step, one.target) for one in self.events if one.type in ENDS}
        assert opened == closed
        return [one.data["error"]["message"] for one in self.events if one.type == "step.failed"]


async def beside(run: Run) -> str:
    """Run after what went wrong, in the same worker, and end well."""
    reported: str = await run.step("beside", lambda _: "well")
    return reported


def somebody() -> Principal:
    """Return the operator, made where there is none yet."""
    found = User.objects.filter(username="operator").first()
    return visibility.of_user(found) if found else runs.operator()


async def fates(*handlers: Handler, plain: bool = False) -> list[Ended]:
    """Run handlers in one worker, one after the other; return how they ended, each at once."""
    who, ended = await in_thread(somebody), []
    submit: Any = runs.submit_plain if plain else runs.submit
    async with runs.working():
        for does in handlers:
            job = await submit(who, does)
            row = await runs.until(job, "succeeded", "failed", "cancelled")
            ended.append(Ended(await runs.events(job), row))
        await runs.until(await runs.submit(who, beside), "succeeded")
    assert {one.attempt for one in ended} == {1}
    return ended


def raises(error: BaseException) -> Callable[..., NoReturn]:
    def throw(*_: Any) -> NoReturn:
        raise error

    return throw


def araises(error: BaseException) -> Callable[..., Any]:
    async def throw(*_: Any) -> NoReturn:
        raise error

    return throw
