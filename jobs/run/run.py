"""A run: one attempt at a job, as its handler sees it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from core import clock
from jobs.run import gates, timers
from jobs.run.attempt import Attempt
from jobs.run.compensation import Compensation, Undo
from jobs.run.errors import Diverged, StepFailed
from jobs.run.gates import Approval
from jobs.run.retry import ONCE, Retry
from jobs.run.rollout import Outcome, Rollout, RolloutOptions
from jobs.run.run_log import EventWriter
from jobs.run.step import StepFn
from jobs.run.step_runner import StepRunner


class Run(Attempt):
    """One attempt at a job, given to its handler. Made by the worker."""

    def __init__(
        self, job: UUID, fence: int, attempt: int, actor: str, writer: EventWriter, kind: str
    ) -> None:
        super().__init__(job, fence, attempt, actor, writer, kind)
        self.compensation = Compensation(self)

    async def step(
        self,
        name: str,
        fn: StepFn,
        target: str | None = None,
        timeout: float | None = None,
        always: bool = False,
        retry: Retry = ONCE,
        undo: StepFn | None = None,
        input: Any = None,
    ) -> Any:
        """Run a step once and for all; return its result, recorded or new.

        `fn` gets a `Step` and is `async def` or plain `def` (which runs in a thread); its result
        must be JSON. Where a try raises, or takes longer than `timeout` seconds, `retry` says
        whether there is another, and when; tries are counted over all attempts. Raises StepFailed
        after the last, Cancelled if the run is being stopped (not with `always`, for a step that
        puts back what earlier ones began). `undo` is what puts this one back: a step of its own
        ("undo" and the name) where the target fails from here on, also in this step. `input` is
        what the step works with (JSON): it is recorded, `fn` finds it as `step.input`, and a replay
        notices where a handler asks with another one.
        """
        occurrence, recorded = self.next_call(name, target)
        on_begin = partial(self._register_undo, name, undo, target, timeout)
        if recorded:
            on_begin()
        if recorded and recorded.status == "succeeded":
            return recorded.result
        if recorded and recorded.status == "failed":
            raise StepFailed(name, target, recorded.error or {})
        if recorded and recorded.status == "skipped":
            with self.noting_divergence():
                raise Diverged(
                    f"The log says that the step {name} is left out, the handler runs it.",
                    recorded.key,
                )
        await self.leave_record()
        if recorded is None:
            self.checkpoint(always)
        begun = None if recorded else on_begin
        runner = StepRunner(
            self, name, target, occurrence, fn, timeout, always, retry, input, begun
        )
        return await runner.run(recorded)

    def undo(self, target: str | None, undo: Undo) -> None:
        """Have `undo()` called where the target fails, or the run is stopped while it works on it.

        Those of a target are called in reverse. In a rollout a target fails by itself, and one that
        is done is kept; otherwise all fail with the run. `undo` is an `async def` (in a plain
        handler a plain function) whose steps are `always`; its StepFailed is noted, and the target
        is told to be stuck.
        """
        self.compensation.add(target, undo)

    def _register_undo(
        self, name: str, undo: StepFn | None, target: str | None, timeout: float | None
    ) -> None:
        if undo is not None:
            self.undo(target, partial(self._undo_step, name, undo, target, timeout))

    async def _undo_step(
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
        approve then (Rejected if they do not), and with `not_by_submitter` somebody else than
        the job's submitter. A target fails where `fn` raises StepFailed or JobFailed: it is put
        back. Once a canary has failed, or more than `max_failures` have, the group at hand is
        finished and the rest is left alone: of those, `steps` are logged as skipped. The progress
        is logged. Raises Stopped, with the outcome, where the run is being stopped; what was begun
        is put back.
        """
        options = RolloutOptions(
            batch, canary, max_failures, pause_after_canary, not_by_submitter, steps
        )
        return await Rollout(self, self.compensation, targets, fn, options).run()

    def heed(self, stop: BaseException) -> None:
        """Deprecated: call `acknowledge_stop`."""
        message = "Run.heed is deprecated: call acknowledge_stop."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        self.acknowledge_stop(stop)

    async def sleep(self, time: float | timedelta, name: str = "sleep") -> None:
        """Go on after so many seconds, or a timedelta, whatever happens to workers meanwhile.

        It is a step of this name in the log. Where it takes longer than a few seconds
        (REPRISE_PARK_SECONDS) no worker is held meanwhile.
        """
        span = time if isinstance(time, timedelta) else timedelta(seconds=time)
        await timers.sleep_until(self, name, self.clock() + span, span)

    async def until(self, moment: datetime, name: str = "until") -> None:
        """Go on at a moment (aware); as `sleep`."""
        await timers.sleep_until(self, name, moment)

    async def wait_for(self, name: str, timeout: float | None = None) -> Any:
        """Wait, without a worker, for the signal of this name; return the data it came with.

        `jobs.commands.send_signal` sends it. Raises StepFailed if none
        comes within `timeout` seconds.
        """
        return await gates.wait_for_signal(self, name, timeout)

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
        StepFailed if nobody has said anything within `timeout` seconds. With `not_by_submitter`
        it takes another person than the job's submitter; so it does where REPRISE_FOUR_EYES or
        REPRISE_APPROVALS asks for that.
        """
        return await gates.wait_for_approval(
            self, name, question, not_by_submitter=not_by_submitter, timeout=timeout
        )

    async def patched(self, name: str) -> bool:
        """Return whether this run takes a patch of its handler: a change that has a name.

        True where the run comes here for the first time, which is recorded, and so in all its later
        attempts; False for a run that had gone on from here before the patch. So
        `if await run.patched("drain first"):` keeps what began before it valid. Ask outside of
        steps. `manage.py check_runs` says when no run needs the old way any more.
        """
        return await self.take_patch(name)

    async def now(self) -> datetime:
        """Return the time (UTC), the same for this call in every attempt; recorded as `now`."""
        return clock.parse(await self.recorded_value("now", lambda: clock.rfc3339(self.clock())))

    async def random(self) -> float:
        """Return a number from [0, 1), the same for this call in every attempt."""
        return await self.recorded_value("random", random.random)

    async def uuid(self) -> UUID:
        """Return a UUID (version 4), the same for this call in every attempt."""
        return UUID(await self.recorded_value("uuid", lambda: str(uuid4())))
