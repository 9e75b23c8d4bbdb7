"""A run: one attempt at a job, as its handler sees it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from jobs.events import EventType, NewEvent
from jobs.job import State, StepKey, StepState
from jobs.log import Append, Appended, LeaseLost
from jobs.run.calls import call_step
from jobs.run.errors import MAX_MESSAGE, Cancelled, HandedOver, StepFailed
from jobs.run.step import Step, StepFn
from jobs.writer import Writer

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Run:
    """One attempt at a job, given to its handler. Made by the worker."""

    def __init__(self, job: UUID, fence: int, attempt: int, actor: str, writer: Writer) -> None:
        self.job = job
        self.fence = fence
        self.attempt = attempt
        self.actor = actor
        self.env = {"REPRISE_JOB": str(job), "REPRISE_FENCE": str(fence)}
        self.cancelling = False
        self.handing_over = False
        self._recorded: Mapping[StepKey, StepState] = {}
        self._calls: Counter[tuple[str, str | None]] = Counter()
        self._writer = writer

    def recall(self, state: State) -> None:
        """Take in what earlier attempts have recorded; before the handler is called."""
        self.cancelling = self.cancelling or state.summary.status == "cancelling"
        self._recorded = state.steps

    async def append(self, events: list[NewEvent]) -> Appended:
        """Append events under this run's fence; LeaseLost where somebody else has the job."""
        return await self._writer.append(Append(self.job, events, self.actor, self.fence))

    async def step(
        self,
        name: str,
        fn: StepFn,
        target: str | None = None,
        timeout: float | None = None,
        always: bool = False,
    ) -> Any:
        """Run a step once and for all; return its result, recorded or new.

        `fn` gets a `Step` and is `async def` or plain `def` (which runs in a thread); its result
        must be JSON. Raises StepFailed where it raises or takes longer than `timeout` seconds,
        Cancelled where the run is being stopped (not with `always`, for a step that puts back what
        earlier ones began).
        """
        self._calls[name, target] += 1
        occurrence = self._calls[name, target]
        recorded = self._recorded.get((name, target, occurrence))
        if recorded and recorded.status == "succeeded":
            return recorded.result
        if recorded and recorded.status == "failed":
            raise StepFailed(name, target, dict(recorded.error or {}))
        self.checkpoint(always)
        return await self._try(Step(self, name, target, occurrence), fn, recorded, timeout)

    async def _try(
        self, step: Step, fn: StepFn, recorded: StepState | None, timeout: float | None
    ) -> Any:
        data = {"try": 1, "occurrence": step.occurrence}
        await self.append([NewEvent(EventType.STEP_STARTED, data, step.name, step.target)])
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                result = await call_step(fn, step)
            ended: dict[str, Any] = {"seconds": _since(began)}
            ended |= {} if result is None else {"result": result}
            await step.end(EventType.STEP_SUCCEEDED, ended)
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            if self.cancelling and not self.handing_over:
                await self._fail(step, began, "Cancelled", "ended, because the run was stopped")
            raise
        except Exception as error:
            message = (
                f"took longer than {timeout:g} s" if _timed_out(error, timeout) else str(error)
            )
            logger.info("step %s failed: %r", step.name, error, extra={"action": "step"})
            failure = await self._fail(step, began, type(error).__name__, message)
            raise failure from error
        return result

    async def _fail(self, step: Step, began: float, kind: str, message: str) -> StepFailed:
        error = {"type": kind, "message": (message or kind)[:MAX_MESSAGE]}
        await step.end(EventType.STEP_FAILED, {"seconds": _since(began), "error": error})
        return StepFailed(step.name, step.target, error)

    async def skip(self, name: str, target: str | None, reason: str) -> None:
        """Log that a step is not going to run, and why; once, however many attempts."""
        self._calls[name, target] += 1
        occurrence = self._calls[name, target]
        if (name, target, occurrence) in self._recorded:
            return
        data = {"occurrence": occurrence, "reason": reason}
        await self.append([NewEvent(EventType.STEP_SKIPPED, data, name, target)])

    async def progress(self, done: int, total: int, failed: int = 0) -> None:
        """Log how far the run is, in its own units (servers, files)."""
        data = {"done": done, "total": total, "failed": failed}
        await self.append([NewEvent(EventType.JOB_PROGRESSED, data)])

    async def gather(self, *work: Awaitable[T]) -> list[T]:
        """Run several at once; where one raises, wait for the others, then raise the first."""
        results = await asyncio.gather(*work, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    def checkpoint(self, always: bool = False) -> None:
        """Raise HandedOver or (unless it runs `always`) Cancelled where a run is to stop here."""
        if self.handing_over:
            raise HandedOver
        if self.cancelling and not always:
            raise Cancelled


def _timed_out(error: Exception, timeout: float | None) -> bool:
    return timeout is not None and isinstance(error, TimeoutError) and not str(error)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
