"""An attempt at a run: its place in the log, what earlier attempts recorded, and its control.

The parts of the run API (steps, timers, gates, compensation, rollouts) work on an `Attempt`;
`jobs.run.run.Run` is the facade of it that a handler gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from core import clock
from jobs.events import EventType, NewEvent
from jobs.events.fold import StepKey, StepState
from jobs.events.patches import patch_step
from jobs.log import Appended
from jobs.run.control import RunControl, new_branch
from jobs.run.errors import Diverged, TooManyEvents, foremost_error
from jobs.run.quota import OutputQuota
from jobs.run.replay import Replay
from jobs.run.run_log import EventWriter, RunLog
from jobs.run.threads import call_function, in_task
from jobs.secrets import Secret
from jobs.secrets.vault import Opener, Vault, refuse_credentials

# How long branches wait for others at the end of what is recorded; see `Attempt.leave_record`.
HOLD_SECONDS = 5.0

_LEFT_OUT = frozenset({EventType.STEP_PROGRESSED, EventType.JOB_PROGRESSED})

T = TypeVar("T")
Value = TypeVar("Value", str, float)


class Attempt(RunControl):
    """One attempt at a job: appends under its fence, and replays what is recorded."""

    def __init__(
        self, job: UUID, fence: int, attempt: int, actor: str, writer: EventWriter, kind: str
    ) -> None:
        super().__init__()
        self.job = job
        self.kind = kind
        self.fence = fence
        self.attempt = attempt
        self.actor = actor
        self.env = {"REPRISE_JOB": str(job), "REPRISE_FENCE": str(fence)}
        self.diverged: Diverged | None = None
        self.worked: set[str | None] = set()  # targets on which this attempt has run a step
        self.vault = Vault()
        self.open_wanted: Opener = refuse_credentials  # the worker knows who may use what
        self.output_quota = OutputQuota(
            settings.REPRISE.job_output_characters, is_closed=self._has_too_many_events
        )
        self._head = 0  # of the log, as the last append left it
        self._replay = Replay({})
        self._held_until: float | None = None  # by the event loop's clock
        self.log = RunLog(job, fence, actor, writer, self.vault, self._take_receipt)
        self._skew = timedelta()

    def load_steps(
        self, steps: Mapping[StepKey, StepState], status: str, at: str, printed: int = 0
    ) -> None:
        """Take in the recorded steps, and the attempt's start; before the handler is called.

        `status` and `at` (by the database's clock) are the job's then. `printed` are the characters
        of output that are recorded.
        """
        self.output_quota.used = printed
        self.cancelling = self.cancelling or status == "cancelling"
        self._replay = Replay(steps)
        self._skew = clock.parse(at) - clock.now()

    def credential(self, name: str) -> Secret:
        """Return a handle for a credential, whose value a step that begins after this may reveal.

        Nothing is read here, so a replay needs no store. Each try of a step first opens what the
        run has asked for and what the params name: it fails, and is tried again as its policy says,
        where the job may not use one of them, there is no such, or its store gives no value.
        """
        self.vault.wanted.add(name)
        return Secret(credential=name)

    async def open_credentials(self, *names: str) -> None:
        """Open what is wanted, and these; their values are masked from here on.

        Raises CredentialRefused, SecretUnreadable, KeysUnusable and StoreError.
        """
        if wanted := self.vault.wanted.union(names):
            await self.open_wanted(self.vault, wanted)

    @property
    def cannot_continue(self) -> bool:
        """Whether this code cannot go on with the run, and other code could.

        Not where somebody stops the run: then this attempt has to end it. Nor where it contradicts
        what a fork keeps before anything of its own is recorded: there is nothing to save.
        """
        too_many = isinstance(self.diverged, TooManyEvents)
        is_other = self.diverged is not None and not too_many and self.first_step is not None
        return is_other and not self.cancelling

    def check_replayed(self) -> None:
        """Raise Diverged if the handler is done, but what is recorded is not all of it."""
        if self.diverged is None and not self.cancelling:
            with self.noting_divergence():
                self._replay.check_complete()

    def clock(self) -> datetime:
        """Return the time by the database's clock, which decides when the job is due."""
        return clock.now() + self._skew

    async def append(
        self,
        events: list[NewEvent],
        statuses: frozenset[str] | None = None,
        *,
        exact_time: bool = False,
    ) -> Appended:
        """Append events under this run's fence; LeaseLost if somebody else has the job.

        With `statuses`, only where the job's status is one of these: else NotNow. `exact_time`: as
        of `jobs.log.Append`.

        The receipt says how the job stands, so that what was asked for before a step's end is
        recorded is heeded after that step, and not with the next heartbeat only.

        Raises TooManyEvents where there would be more of what a run can leave out: progress.
        """
        if any(event.type in _LEFT_OUT for event in events):
            self.refuse_too_many()
        return await self.log.append(events, statuses, exact_time)

    def _take_receipt(self, receipt: Appended) -> None:
        self._head = max(self._head, receipt.last)
        self.set_requests(
            cancelling=receipt.status == "cancelling", pausing=receipt.status == "paused"
        )

    def next_call(
        self, name: str, target: str | None, *, anew: bool = False
    ) -> tuple[int, StepState | None]:
        """Count a call for a step; return its occurrence and what is recorded of it.

        Raises Diverged if that is not what the record has next. A run that is being stopped may
        take another way, and steps without a target in branches have no order: there only an end
        that leaves out something recorded is noticed. `anew`: a fork does not keep this step.
        """
        self.refuse_too_many()
        if self.diverged is not None:
            raise self.diverged
        was_used_up = self._replay.is_used_up
        with self.noting_divergence():
            strict = self.checks_order(target)
            found = self._replay.next_call(name, target, strict=strict, anew=anew)
        if self._replay.is_used_up and not was_used_up:
            self.notify_change()
        return found

    def checks_order(self, target: str | None) -> bool:
        """Return whether the record's order counts for the next call on a target."""
        return (target is not None or self.in_main) and not self.cancelling

    @property
    def first_step(self) -> StepKey | None:
        """The step that this run recorded first, which a kept one is not; None if there is none."""
        return self._replay.first_step

    def has_begun(self, target: str) -> bool:
        """Return whether an earlier attempt has begun a step on a target."""
        return self._replay.has_begun(target)

    async def leave_record(self) -> None:
        """Go on past what is recorded; a replay ends here, or stops the run.

        A branch waits until all that is recorded has been asked for: nothing new is done by code of
        which another branch finds that it cannot go on with the run. What is recorded came about
        without what is not, so no branch needs the one that waits to get there, unless the handler
        has changed or goes by the time; for these the wait ends after HOLD_SECONDS, once an
        attempt. Raises Diverged.
        """
        if self.in_main:
            return
        now = asyncio.get_running_loop().time
        while not (self._replay.is_used_up or self.diverged or self.is_asked_to_stop):
            self._held_until = self._held_until or now() + HOLD_SECONDS
            if (left := self._held_until - now()) <= 0:
                return
            await self.wait_for_change(left)
        if self.diverged:
            raise self.diverged

    async def call_step(self, fn: Callable[[Any], Any], step: Any) -> Any:
        """Call a step's function with its `Step`, and return its result."""
        return await call_function(self, fn, step)

    async def take_patch(self, name: str) -> bool:
        """Return whether this run takes a patch; see `Run.patched`."""
        if (known := self._replay.has_patch(name)) is not None:
            return known
        await self.leave_record()
        self.checkpoint(always=True)
        self._replay.take_patch(name)  # before it is written: other branches ask meanwhile
        step, result = patch_step(name)
        await self._record_success(step, 1, result)
        return True

    async def recorded_value(self, name: str, draw: Callable[[], Value]) -> Value:
        """Return what was recorded for this call, or draw it and record it first.

        It is a step that has only ever succeeded. What is returned is committed: an effect that
        follows from it can be found again by the attempt that has to repeat it.
        """
        occurrence, recorded = self.next_call(name, None)
        if recorded is not None:
            kept: Value = recorded.result
            return kept
        await self.leave_record()
        self.checkpoint(always=True)
        drawn = draw()
        await self._record_success(name, occurrence, drawn)
        return drawn

    async def _record_success(self, name: str, occurrence: int, result: Any) -> None:
        data = {"try": 1, "occurrence": occurrence, "seconds": 0, "result": result}
        await self.append([NewEvent(EventType.STEP_SUCCEEDED, data, name)])

    async def skip(self, name: str, target: str | None, reason: str) -> None:
        """Log that a step is not going to run, and why; once, however many attempts."""
        occurrence, recorded = self.next_call(name, target)
        if recorded is None:
            await self.leave_record()
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
            error = foremost_error(raised) or raised[0]
            self.mark_parked(error)
            raise error
        return [result for result in results if not isinstance(result, BaseException)]

    def _has_too_many_events(self) -> bool:
        return 0 < settings.REPRISE.job_events <= self._head

    def refuse_too_many(self) -> None:
        """Raise TooManyEvents if the run has as many events as it may have."""
        if self._has_too_many_events():
            with self.noting_divergence():
                raise TooManyEvents(settings.REPRISE.job_events)

    @contextmanager
    def noting_divergence(self) -> Iterator[None]:
        """Remember a Diverged that is raised in here: nothing else may be recorded after it."""
        try:
            yield
        except Diverged as error:
            self.diverged = error
            self.notify_change()
            raise
