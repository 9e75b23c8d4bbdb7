"""The run API: what a handler sees. Steps are durable, output and progress are events.

A step is known by its name, its target and its occurrence (the how-manieth call with that name and
target in this run). Its success is recorded, and a later attempt gets the recorded result without
running it again. One that was in flight at a crash runs at least once more, so write steps that
may be repeated.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from jobs.events import EventType, NewEvent
from jobs.job import State, StepKey, StepState
from jobs.log import Append, Appended, LeaseLost
from jobs.output import Output
from jobs.writer import Writer

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")
StepFn = Callable[["Step"], Any]
MAX_MESSAGE = 4000


class JobFailed(Exception):
    """The run has failed for a reason that its reader understands; say it in a sentence."""

    def __init__(self, message: str, failed_targets: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.failed_targets = failed_targets or []


class StepFailed(Exception):
    """A step has failed, now or in an earlier attempt; `error` is what its event says."""

    def __init__(self, step: str, target: str | None, error: dict[str, Any]) -> None:
        super().__init__(f"{step}: {error.get('message', '')}")
        self.step = step
        self.target = target
        self.error = error


class Cancelled(Exception):
    """Somebody asked for the run to stop; a handler may say in a sentence how things stand."""


class HandedOver(Exception):
    """This worker is shutting down: the run goes on elsewhere, from its log."""


class Step:
    """What a step's function gets: where it is, its environment, and a way to say things."""

    def __init__(self, run: Run, name: str, target: str | None, occurrence: int) -> None:
        self.run = run
        self.name = name
        self.target = target
        self.occurrence = occurrence
        self.env = run.env | {"REPRISE_STEP": name, "REPRISE_TARGET": target or ""}
        self._output = Output(self._event, run.append)
        self._rest: list[NewEvent] = []

    def output(self, text: str, stream: str = "out") -> None:
        """Log output (`out` or `err`), from any thread; what comes within 50 ms goes together."""
        self._output.write(text, stream)

    async def drain(self) -> None:
        """Wait where much output is waiting to be logged; for whoever copies a stream."""
        await self._output.drain()

    async def progress(self, done: int, total: int) -> None:
        """Log how far the step is."""
        data = {"done": done, "total": total}
        await self.run.append([self._event(EventType.STEP_PROGRESSED, data)])

    async def end(self, event_type: EventType, data: dict[str, Any]) -> None:
        """Log what output is left and how the step ended, in one append."""
        self._rest += await self._output.close()
        common = {"try": 1, "occurrence": self.occurrence}
        await self.run.append([*self._rest, self._event(event_type, common | data)])
        self._rest.clear()  # kept until then: an ending that is refused must not lose output

    def _event(self, event_type: EventType, data: dict[str, Any]) -> NewEvent:
        return NewEvent(event_type, data, self.name, self.target)


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
                result = await _call(fn, step)
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


class SyncRun:
    """The same run for a handler that is an ordinary function, in a thread of its own.

    A thread cannot be ended from outside: a run that is stopped, or loses its lease, ends at its
    handler's next call here, and a step that runs then is ended as any other.
    """

    def __init__(self, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        self._run = run
        self._loop = loop
        self.job, self.fence, self.attempt = run.job, run.fence, run.attempt
        self._calls: set[asyncio.Task[Any]] = set()

    async def end_calls(self) -> None:
        """End what the handler is waiting for (it sees a CancelledError), and wait until it has."""
        for call in (calls := list(self._calls)):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    @property
    def cancelling(self) -> bool:
        """Whether somebody asked for the run to stop."""
        return self._run.cancelling

    def step(
        self,
        name: str,
        fn: StepFn,
        target: str | None = None,
        timeout: float | None = None,
        always: bool = False,
    ) -> Any:
        """As `Run.step`, blocking."""
        return self._wait(self._run.step, name, fn, target, timeout, always)

    def skip(self, name: str, target: str | None, reason: str) -> None:
        """As `Run.skip`, blocking."""
        self._wait(self._run.skip, name, target, reason)

    def progress(self, done: int, total: int, failed: int = 0) -> None:
        """As `Run.progress`, blocking."""
        self._wait(self._run.progress, done, total, failed)

    def _wait(
        self,
        method: Callable[P, Coroutine[Any, Any, T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async def call() -> T:
            task = asyncio.ensure_future(method(*args, **kwargs))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
            return await task

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()


async def call_handler(handler: Callable[..., Any], run: Run, params: Any) -> Any:
    """Call a kind's handler, `async def` or plain `def`, and return its result."""
    if inspect.iscoroutinefunction(handler):
        return await handler(run, params)
    plain = SyncRun(run, asyncio.get_running_loop())
    return await _in_thread(plain.end_calls, handler, plain, params)


async def _call(fn: Callable[Concatenate[Step, ...], Any], step: Step) -> Any:
    if inspect.iscoroutinefunction(fn):
        return await fn(step)
    result = await _in_thread(None, fn, step)
    return await result if inspect.isawaitable(result) else result


async def _in_thread(
    end: Callable[[], Awaitable[None]] | None, fn: Callable[..., Any], *args: Any
) -> Any:
    """Call a plain function in a thread; cancelled, still wait for it: it acts as long as it runs.

    Else the next attempt, or the next job on its targets, would act beside it. `end` hurries it.
    """
    work = asyncio.ensure_future(asyncio.to_thread(fn, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if end is not None:
            await end()
        await asyncio.wait({work})
        raise


def _timed_out(error: Exception, timeout: float | None) -> bool:
    return timeout is not None and isinstance(error, TimeoutError) and not str(error)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
