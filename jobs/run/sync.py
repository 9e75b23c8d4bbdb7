"""The run for a handler that is an ordinary function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from jobs.run.compensation import Undo, compensating
from jobs.run.control import CALLER
from jobs.run.gates import Approval
from jobs.run.retry import ONCE, Retry
from jobs.run.rollout import Outcome
from jobs.run.run import Run
from jobs.run.step import StepFn
from jobs.run.threads import in_task, in_thread, is_async
from jobs.secrets import Secret

T = TypeVar("T")
P = ParamSpec("P")


class SyncRun:
    """The same run for a handler that is an ordinary function, in a thread of its own.

    A thread cannot be ended from outside: a run that is stopped, or loses its lease, ends at its
    handler's next call here, and a step that runs then is ended as any other.
    """

    def __init__(self, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        self._run = run
        self._loop = loop
        self.job, self.fence, self.attempt = run.job, run.fence, run.attempt
        self._calls: dict[asyncio.Task[Any], int | None] = {}  # by the threads that wait for them

    async def end_calls(self, thread: int | None) -> None:
        """End what a thread is waiting for (it sees a CancelledError), and wait until it has.

        What other threads wait for ends with these: a call of one may wait for the other.
        """
        for call in (calls := [call for call, own in self._calls.items() if own == thread]):
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
        retry: Retry = ONCE,
        undo: StepFn | None = None,
        input: object = None,
    ) -> Any:
        """As `Run.step`, blocking."""
        return self._wait_for(self._run.step, name, fn, target, timeout, always, retry, undo, input)

    def undo(self, target: str | None, undo: Undo) -> None:
        """As `Run.undo`; `undo` is a plain function."""
        self._run.undo(target, undo)

    def rollout(self, targets: Sequence[str], fn: Callable[[str], object], **how: Any) -> Outcome:
        """As `Run.rollout`, blocking; `fn` is a plain function, called in a thread a target."""

        async def one(target: str) -> None:
            await in_thread(self._run, self.end_calls, fn, target)

        return self._wait_for(partial(self._run.rollout, targets, one, **how))

    def credential(self, name: str) -> Secret:
        """As `Run.credential`."""
        return self._run.credential(name)

    def sleep(self, time: float | timedelta, name: str = "sleep") -> None:
        """As `Run.sleep`, blocking."""
        self._wait_for(self._run.sleep, time, name)

    def until(self, moment: datetime, name: str = "until") -> None:
        """As `Run.until`, blocking."""
        self._wait_for(self._run.until, moment, name)

    def wait_for(self, name: str, timeout: float | None = None) -> Any:
        """As `Run.wait_for`, blocking."""
        return self._wait_for(self._run.wait_for, name, timeout)

    def gate(
        self,
        name: str,
        question: str = "",
        *,
        not_by_submitter: bool = False,
        timeout: float | None = None,
    ) -> Approval:
        """As `Run.gate`, blocking."""
        ask = partial(
            self._run.gate, name, question, not_by_submitter=not_by_submitter, timeout=timeout
        )
        return self._wait_for(ask)

    def patched(self, name: str) -> bool:
        """As `Run.patched`, blocking."""
        return self._wait_for(self._run.patched, name)

    def now(self) -> datetime:
        """As `Run.now`, blocking."""
        return self._wait_for(self._run.now)

    def random(self) -> float:
        """As `Run.random`, blocking."""
        return self._wait_for(self._run.random)

    def uuid(self) -> UUID:
        """As `Run.uuid`, blocking."""
        return self._wait_for(self._run.uuid)

    def skip(self, name: str, target: str | None, reason: str) -> None:
        """As `Run.skip`, blocking."""
        self._wait_for(self._run.skip, name, target, reason)

    def progress(self, done: int, total: int, failed: int = 0) -> None:
        """As `Run.progress`, blocking."""
        self._wait_for(self._run.progress, done, total, failed)

    def _wait_for(
        self, method: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        async def call() -> T:
            task = asyncio.ensure_future(method(*args, **kwargs))
            self._calls[task] = CALLER.get()
            task.add_done_callback(self._calls.pop)
            with self._run.at_work(-1):
                return await task

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()


async def call_handler(handler: Callable[..., Any], run: Run, params: Any) -> Any:
    """Call a kind's handler, `async def` or plain `def`, and return its result."""
    run.plain = not is_async(handler)
    if run.plain:
        plain = SyncRun(run, asyncio.get_running_loop())
        run.enter_handler()
        return await compensating(
            run, run.compensation, in_thread(run, plain.end_calls, handler, plain, params)
        )

    async def begun() -> Any:
        run.enter_handler()
        try:
            return await handler(run, params)
        finally:
            run.log.await_ending()

    return await compensating(run, run.compensation, in_task(run, begun, is_handler=True))
