"""A run: one attempt at a job, as its handler sees it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.conf import settings

from core import clock
from core.user_code import plain_data
from jobs.events import EventType, NewEvent
from jobs.events.fold import StepKey, StepState
from jobs.log import Append, Appended
from jobs.log.writer import Writer
from jobs.run import gates, timers
from jobs.run.compensation import Undo, Undos
from jobs.run.control import Steering, new_branch
from jobs.run.errors import Diverged, StepFailed, foremost
from jobs.run.gates import Approval
from jobs.run.recorded_values import value
from jobs.run.replay import Record
from jobs.run.retry import ONCE, Retry
from jobs.run.rollout import How, Outcome, Rollout
from jobs.run.step import StepFn
from jobs.run.step_runner import Work
from jobs.run.threads import in_task
from jobs.secrets.vault import Vault

T = TypeVar("T")


class Run(Steering):
    """One attempt at a job, given to its handler. Made by the worker."""

    def __init__(self, job: UUID, fence: int, attempt: int, actor: str, writer: Writer) -> None:
        super().__init__()
        self.job = job
        self.fence = fence
        self.attempt = attempt
        self.actor = actor
        self.env = {"REPRISE_JOB": str(job), "REPRISE_FENCE": str(fence)}
        self.diverged: Diverged | None = None
        self.undos = Undos(self)
        self.worked: set[str | None] = set()  # targets on which this attempt has run a step
        self.vault = Vault(job)
        self._record = Record({})
        self._writer = writer
        self._skew = timedelta()

    def recall(self, steps: Mapping[StepKey, StepState], status: str, at: str) -> None:
        """Take in the recorded steps, and the attempt's start; before the handler is called.

        `status` and `at` (by the database's clock) are the job's then.
        """
        self.cancelling = self.cancelling or status == "cancelling"
        self._record = Record(steps)
        self._skew = clock.parse(at) - clock.now()

    def conclude(self) -> None:
        """Raise Diverged where the handler is done, but what is recorded is not all of it."""
        if self.diverged is None and not self.cancelling:
            with self._diverging():
                self._record.conclude()

    def clock(self) -> datetime:
        """Return the time by the database's clock, which decides when the job is due."""
        return clock.now() + self._skew

    async def append(
        self, events: list[NewEvent], statuses: frozenset[str] | None = None
    ) -> Appended:
        """Append events under this run's fence; LeaseLost where somebody else has the job.

        With `statuses`, only where the job's status is one of these: else NotNow.

        The receipt says how the job stands, so that what was asked for before a step's end is
        recorded is heeded after that step, and not with the next heartbeat only.
        """
        plain = [replace(event, data=plain_data(event.data)) for event in events]
        said = self.vault.masked(plain)
        receipt = await self._writer.append(
            Append(self.job, said, self.actor, self.fence, statuses=statuses)
        )
        self.steer(cancelling=receipt.status == "cancelling", pausing=receipt.status == "paused")
        return receipt

    async def step(
        self,
        name: str,
        fn: StepFn,
        target: str | None = None,
        timeout: float | None = None,
        always: bool = False,
        retry: Retry = ONCE,
        undo: StepFn | None = None,
    ) -> Any:
        """Run a step once and for all; return its result, recorded or new.

        `fn` gets a `Step` and is `async def` or plain `def` (which runs in a thread); its result
        must be JSON. Where a try raises, or takes longer than `timeout` seconds, `retry` says
        whether there is another, and when; tries are counted over all attempts. Raises StepFailed
        after the last, Cancelled where the run is being stopped (not with `always`, for a step that
        puts back what earlier ones began). `undo` is what puts this one back: a step of its own
        ("undo" and the name) where the target fails from here on, also in this step.
        """
        occurrence, recorded = self.ask(name, target)
        if recorded and undo:
            self.undo(target, partial(self._undo, name, undo, target, timeout))
        if recorded and recorded.status == "succeeded":
            return recorded.result
        if recorded and recorded.status == "failed":
            raise StepFailed(name, target, recorded.error or {})
        if recorded and recorded.status == "skipped":
            with self._diverging():
                raise Diverged(
                    f"The log says that the step {name} is left out, the handler runs it."
                )
        if recorded is None:
            self.checkpoint(always)
            if undo:
                self.undo(target, partial(self._undo, name, undo, target, timeout))
        work = Work(self, name, target, occurrence, fn, timeout, always, retry)
        return await work.go(recorded)

    def undo(self, target: str | None, undo: Undo) -> None:
        """Have `undo()` called where the target fails, or the run is stopped while it works on it.

        Those of a target are called in reverse. In a rollout a target fails by itself, and one that
        is done is kept; otherwise all fail with the run. `undo` is an `async def` (in a plain
        handler a plain function) whose steps are `always`; its StepFailed is noted, and the target
        is told to be stuck.
        """
        self.undos.add(target, undo)

    async def _undo(
        self, name: str, undo: StepFn, target: str | None, timeout: float | None
    ) -> None:
        await self.step(f"undo {name}", undo, target, timeout, always=True)

    async def rollout(
        self,
        targets: Sequence[str],
        fn: Callable[[str], Awaitable[object]],
        *,
        batch: int = 1,
        canary: int = 0,
        max_failures: int = 0,
        pause_after_canary: bool = False,
        not_by_submitter: bool = False,
        steps: Sequence[str] = (),
    ) -> Outcome:
        """Call `fn(target)` for all targets, `batch` at a time, and return how it went.

        The first `canary` targets go first and alone; with `pause_after_canary` somebody has to
        approve then (Rejected where they do not), and with `not_by_submitter` somebody else than
        the job's submitter. A target fails where `fn` raises StepFailed or JobFailed: it is put
        back. Once a canary has failed, or more than `max_failures` have, the group at hand is
        finished and the rest is left alone: of those, `steps` are logged as skipped. The progress
        is logged. Raises Stopped, with the outcome, where the run is being stopped; what was begun
        is put back.
        """
        how = How(batch, canary, max_failures, pause_after_canary, not_by_submitter, steps)
        return await Rollout(self, targets, fn, how).go()

    async def sleep(self, time: float | timedelta, name: str = "sleep") -> None:
        """Go on after so many seconds, or a timedelta, whatever happens to workers meanwhile.

        It is a step of this name in the log. Where it takes longer than a few seconds
        (REPRISE_PARK_SECONDS) no worker is held meanwhile.
        """
        span = time if isinstance(time, timedelta) else timedelta(seconds=time)
        await timers.sleep(self, name, self.clock() + span)

    async def until(self, moment: datetime, name: str = "until") -> None:
        """Go on at a moment (aware); as `sleep`."""
        await timers.sleep(self, name, moment)

    async def wait_for(self, name: str, timeout: float | None = None) -> Any:
        """Wait, without a worker, for the signal of this name; return the data it came with.

        `jobs.commands.signal` sends one, to a job that waits for it. Raises StepFailed where none
        comes within `timeout` seconds.
        """
        return await gates.signal(self, name, timeout)

    async def gate(
        self,
        name: str,
        question: str = "",
        *,
        not_by_submitter: bool = False,
        timeout: float | None = None,
    ) -> Approval:
        """Wait, without a worker, until somebody approves; return who, when and why.

        `question` is what they read. Raises Rejected (which fails the job) where somebody says no,
        StepFailed where nobody has said anything within `timeout` seconds. With `not_by_submitter`
        it takes another person than the job's submitter; at every gate where REPRISE_FOUR_EYES is
        set.
        """
        others = not_by_submitter or settings.REPRISE.four_eyes
        return await gates.gate(self, name, question, others, timeout)

    async def now(self) -> datetime:
        """Return the time (UTC), the same for this call in every attempt; recorded as `now`."""
        return clock.parse(await value(self, "now", lambda: clock.rfc3339(self.clock())))

    async def random(self) -> float:
        """Return a number from [0, 1), the same for this call in every attempt."""
        return await value(self, "random", random.random)

    async def uuid(self) -> UUID:
        """Return a UUID (version 4), the same for this call in every attempt."""
        return UUID(await value(self, "uuid", lambda: str(uuid4())))

    def has_begun(self, target: str) -> bool:
        """Return whether an earlier attempt has begun a step on a target."""
        return self._record.has_begun(target)

    async def skip(self, name: str, target: str | None, reason: str) -> None:
        """Log that a step is not going to run, and why; once, however many attempts."""
        occurrence, recorded = self.ask(name, target)
        if recorded is None:
            data = {"occurrence": occurrence, "reason": reason}
            await self.append([NewEvent(EventType.STEP_SKIPPED, data, name, target)])

    async def progress(self, done: int, total: int, failed: int = 0) -> None:
        """Log how far the run is, in its own units (servers, files)."""
        data = {"done": done, "total": total, "failed": failed}
        await self.append([NewEvent(EventType.JOB_PROGRESSED, data)])

    async def gather(self, *work: Awaitable[T], limit: int | None = None) -> list[T]:
        """Run several at once, at most `limit` of them; wait for all, then raise the first error.

        Where one of them is parked the others are not over yet, so that is what is raised.
        """
        room = asyncio.Semaphore(limit or max(1, len(work)))

        async def one(each: Awaitable[T]) -> T:
            async with room:
                with new_branch():
                    done: T = await in_task(self, lambda: each)
                    return done

        results = await asyncio.gather(*map(one, work), return_exceptions=True)
        raised = [result for result in results if isinstance(result, BaseException)]
        if raised:
            error = foremost(raised) or raised[0]
            self.note(error)
            raise error
        return [result for result in results if not isinstance(result, BaseException)]

    def ask(self, name: str, target: str | None) -> tuple[int, StepState | None]:
        """Count a call for a step; return its occurrence and what is recorded of it.

        Raises Diverged where that is not what the record has next. A run that is being stopped may
        take another way, and steps without a target in branches have no order: there only an end
        that leaves out something recorded is noticed.
        """
        if self.diverged is not None:
            raise self.diverged
        ordered = target is not None or self.in_main
        with self._diverging():
            return self._record.ask(name, target, strict=ordered and not self.cancelling)

    @contextmanager
    def _diverging(self) -> Iterator[None]:
        try:
            yield
        except Diverged as error:
            self.diverged = error
            raise
