"""The tries of a step: each is recorded, and so is when the next one is due."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from core import clock
from core.terminal import plain_text
from jobs.events import EventType
from jobs.job import StepState
from jobs.log import LeaseLost
from jobs.run.calls import call_step
from jobs.run.errors import MAX_MESSAGE, Cancelled, StepFailed
from jobs.run.retry import Retry
from jobs.run.step import Step, StepFn
from jobs.run.waiting import rest

if TYPE_CHECKING:
    from jobs.run.run import Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A call of `Run.step` that has something to do."""

    run: Run
    name: str
    target: str | None
    occurrence: int
    fn: StepFn
    timeout: float | None
    always: bool
    retry: Retry

    async def go(self, recorded: StepState | None) -> Any:
        """Try until it succeeds or the policy gives up; `recorded` is how far attempts before came.

        A try that was cut short by its worker's death never ended: it begins again, as itself.
        """
        number, due = 1, None
        if recorded is not None:
            failed = recorded.status == "retried"
            number = recorded.tries + failed
            due = clock.parse(recorded.until) if failed and recorded.until else None
        while True:
            if due is not None:
                await self._rest(due)
            self.run.checkpoint(self.always)
            self.run.worked.add(self.target)
            step = Step(self.run, self.name, self.target, self.occurrence, number)
            result, due = await self._try(step)
            if due is None:
                return result
            number += 1

    async def _rest(self, due: datetime) -> None:
        wait = {"for": "retry", "name": self.name, "target": self.target}
        await rest(self.run, due, wait, always=self.always)

    async def _try(self, step: Step) -> tuple[Any, datetime | None]:
        """Return the result, or when to try again; StepFailed where there is neither."""
        await step.begin()
        began, masks = time.monotonic(), self.run.vault.masks
        try:
            async with asyncio.timeout(self.timeout):
                result = masks.value(await call_step(self.fn, step))  # as later attempts get it
            ended: dict[str, Any] = {"seconds": _since(began)}
            ended |= {} if result is None else {"result": result}
            await step.end(EventType.STEP_SUCCEEDED, ended)
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            if self.run.cancelling and not self.run.handing_over:
                await self._fail(step, began, "Cancelled", "ended, because the run was stopped")
            raise
        except Exception as error:  # noqa: BLE001 - whatever a step's own code raises
            logger.info("step %s failed: %r", step.name, error, extra={"action": "step"})
            return None, await self._failed(step, began, error)
        return result, None

    async def _failed(self, step: Step, began: float, error: Exception) -> datetime:
        """Record a failed try; return when the next one is due."""
        kind, message = type(error).__name__, str(error)
        if self.timeout is not None and isinstance(error, TimeoutError) and not message:
            message = f"took longer than {self.timeout:g} s"
        over = isinstance(error, Cancelled) or (self.run.cancelling and not self.always)
        if over or not self.retry.again(step.number, error):
            raise await self._fail(step, began, kind, message) from error
        due = self.run.clock() + timedelta(seconds=self.retry.seconds(step.number))
        said = {"seconds": _since(began), "error": self._error(kind, message)}
        await step.end(EventType.STEP_RETRIED, {**said, "until": clock.rfc3339(due)})
        return due

    async def _fail(self, step: Step, began: float, kind: str, message: str) -> StepFailed:
        error = self._error(kind, message)
        await step.end(EventType.STEP_FAILED, {"seconds": _since(began), "error": error})
        return StepFailed(step.name, step.target, error)

    def _error(self, kind: str, message: str) -> dict[str, Any]:
        masks = self.run.vault.masks
        return {"type": kind, "message": masks.cut(plain_text(message) or kind, MAX_MESSAGE)}


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
