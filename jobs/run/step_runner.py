"""The tries of a step: each is recorded, and so is when the next one is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import clock, tracing
from core.terminal import plain_text
from core.user_code import KindFault, Words, caught, describe, plain
from jobs.events import EventType
from jobs.events.fold import StepState
from jobs.log import LeaseLost
from jobs.run.attempt import Attempt
from jobs.run.errors import MAX_MESSAGE, Cancelled, StepFailed
from jobs.run.retry import ONCE, Retry
from jobs.run.step import Step, StepFn
from jobs.run.timers import wait_until
from jobs.secrets.thread import mask_in_thread

logger = logging.getLogger(__name__)

STOPPED = Words("Cancelled", "ended, because the run was stopped")
CUT_SHORT = Words("CancelledError", "ended by its own run")


@dataclass(frozen=True, slots=True)
class StepRunner:
    """A call of `Run.step` that has something to do."""

    attempt: Attempt
    name: str
    target: str | None
    occurrence: int
    fn: StepFn
    timeout: float | None
    always: bool
    retry: Retry
    input: Any = None
    on_begin: Callable[[], None] | None = None  # once the first try is in the log

    @property
    def asked(self) -> dict[str, Any]:
        """What the handler asks of the step beside its name, as the log has it."""
        timeout = {} if self.timeout is None else {"timeout": self.timeout}
        retry = {} if self.retry == ONCE else {"retry": self.retry.as_data()}
        return {**timeout, **retry, **({} if self.input is None else {"input": self.input})}

    async def run(self, recorded: StepState | None) -> Any:
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
                await self._wait_for_retry(due)
            self.attempt.checkpoint(self.always)
            self.attempt.worked.add(self.target)
            step = Step(self.attempt, self.name, self.target, self.occurrence, number, self.asked)
            with tracing.span(f"step {self.name}") as span:
                span.note(step=self.name, target=self.target, number=number)
                step.env |= span.environment
                result, due = await self._run_try(step)
                span.note(outcome="succeeded" if due is None else "retried")
            if due is None:
                return result
            number += 1

    async def _wait_for_retry(self, due: datetime) -> None:
        wait = {"for": "retry", "name": self.name, "target": self.target}
        await wait_until(self.attempt, due, wait, always=self.always)

    async def _run_try(self, step: Step) -> tuple[Any, datetime | None]:
        """Return the result, or when to try again; StepFailed if there is neither."""
        masks = self.attempt.vault.masks
        await self._begin_try(step)
        try:
            async with step.limit(self.timeout):
                await self.attempt.open_credentials()
                result = await self.attempt.call_step(self.fn, step)
            # As later attempts get it.
            result = await mask_in_thread(masks, masks.value, plain(result))
            ended: dict[str, Any] = {"seconds": step.seconds}
            ended |= {} if result is None else {"result": result}
            await step.succeed(ended)
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            await self._cut_short(step)
            raise
        except Exception as error:  # noqa: BLE001 - whatever a step's own code raises
            words = describe(error)
            logger.info("step %s failed: %s", step.name, words, extra={"action": "step"})
            return None, await self._record_failed_try(step, error, words)
        return result, None

    async def _begin_try(self, step: Step) -> None:
        try:
            await step.begin_next(self.always)
        except asyncio.CancelledError:  # its start may be written all the same
            if await step.has_begun():
                self._note_begun(step)
                await self._cut_short(step)
            raise
        self._note_begun(step)

    def _note_begun(self, step: Step) -> None:
        if self.on_begin and step.number == 1:
            self.on_begin()

    async def _cut_short(self, step: Step) -> None:
        """Record the end of a try that was cancelled, unless another one goes on with it."""
        if not (self.attempt.leaving or step.is_over):
            await self._end_failed(step, STOPPED if self.attempt.cancelling else CUT_SHORT)

    async def _record_failed_try(self, step: Step, error: Exception, words: Words) -> datetime:
        """Record a failed try; return when the next one is due."""
        if step.is_late and isinstance(error, TimeoutError) and not words.message:
            words = Words(words.type, f"took longer than {self.timeout:g} s")
        over = isinstance(error, Cancelled) or (self.attempt.cancelling and not self.always)
        if over or not self._may_retry(step.number, error):
            raise await self._end_failed(step, words) from error
        due = self.attempt.clock() + timedelta(seconds=self.retry.seconds(step.number))
        said = {"seconds": step.seconds, "error": await self._error_data(words)}
        await step.end(EventType.STEP_RETRIED, {**said, "until": clock.rfc3339(due)})
        return due

    def _may_retry(self, tried: int, error: Exception) -> bool:
        """Ask the policy; what it names may be foreign classes that judge by themselves."""
        raised = error.error if isinstance(error, KindFault) else error
        return bool(caught(self.retry.again, tried, raised).value)

    async def _end_failed(self, step: Step, words: Words) -> StepFailed:
        error = await self._error_data(words)
        await step.end(EventType.STEP_FAILED, {"seconds": step.seconds, "error": error})
        return StepFailed(step.name, step.target, error)

    async def _error_data(self, words: Words) -> dict[str, Any]:
        masks, message = self.attempt.vault.masks, plain_text(words.message) or words.type
        message = await mask_in_thread(masks, masks.cut, message, MAX_MESSAGE)
        return {"type": words.type, "message": message}
