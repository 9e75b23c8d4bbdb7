"""A rollout: many targets, a few at a time, canaries first, until too many have failed.

One canary that fails is too many: that is what it is for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.words import counted
from jobs.run.attempt import Attempt
from jobs.run.compensation import Compensation
from jobs.run.errors import Cancelled, JobFailed, Rejected, StepFailed
from jobs.run.gates import wait_for_approval

DONE, FAILED, STUCK, SKIPPED = "done", "failed", "stuck", "skipped"
GATE = "after canary"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rollout went: the targets of each sort, in the rollout's order.

    `failed` are those that failed, of which the `stuck` could not be put back; `skipped` were never
    begun because too many had failed. Of a rollout that was stopped, the others are put back.
    The lists are made when they are asked for; `count` is kept.
    """

    targets: Sequence[str]
    _of: dict[str, str] = field(init=False, default_factory=dict)
    _counts: Counter[str] = field(init=False, default_factory=Counter)
    _times: Mapping[str, int] = field(init=False)  # how often a target is listed

    def __post_init__(self) -> None:
        object.__setattr__(self, "_times", Counter(self.targets))

    @property
    def done(self) -> list[str]:
        """The targets with which all went well."""
        return self._targets_with(DONE)

    @property
    def failed(self) -> list[str]:
        """The targets that failed."""
        return self._targets_with(FAILED, STUCK)

    @property
    def stuck(self) -> list[str]:
        """The targets that failed and could not be put back."""
        return self._targets_with(STUCK)

    @property
    def skipped(self) -> list[str]:
        """The targets that were left alone."""
        return self._targets_with(SKIPPED)

    def count(self, *sorts: str) -> int:
        """Return how many targets are of these sorts, at the same cost however many there are."""
        return sum(self._counts[sort] for sort in sorts)

    def set_outcome(self, target: str, sort: str) -> None:
        """Say of which sort a target is; the counts follow."""
        times = self._times[target]
        if (before := self._of.get(target)) is not None:
            self._counts[before] -= times
        self._of[target] = sort
        self._counts[sort] += times

    def is_failed(self, target: str) -> bool:
        """Return whether a target failed."""
        return self._of.get(target) in (FAILED, STUCK)

    def _targets_with(self, *sorts: str) -> list[str]:
        return [target for target in self.targets if self._of.get(target) in sorts]


class Stopped(Cancelled):
    """The run was stopped in a rollout, which came as far as `outcome` says."""

    def __init__(self, outcome: Outcome) -> None:
        count = len(outcome.targets)
        super().__init__(
            f"Stopped on request: {outcome.count(DONE)} of {counted(count, 'target')} done."
        )
        self.outcome = outcome


def rollout_groups(targets: Sequence[str], batch: int, canary: int) -> list[list[str]]:
    """Return the canaries, where there are any, and then the batches."""
    first, rest = list(targets[:canary]), targets[canary:]
    batches = [list(rest[at : at + batch]) for at in range(0, len(rest), batch)]
    return [first, *batches] if first else batches


@dataclass(frozen=True, slots=True)
class RolloutOptions:
    """A rollout's controls; see `Run.rollout`."""

    batch: int = 1
    canary: int = 0
    max_failures: int = 0
    pause_after_canary: bool = False
    not_by_submitter: bool = False
    steps: Sequence[str] = ()


class Rollout:
    """One attempt at a rollout; `run` does it."""

    def __init__(
        self,
        run: Attempt,
        compensation: Compensation,
        targets: Sequence[str],
        fn: Callable[[str], Awaitable[object]],
        options: RolloutOptions,
    ) -> None:
        self._run, self._fn, self._options = run, fn, options
        self._compensation = compensation
        self._outcome = Outcome(targets)
        self._told = (0, 0)
        self._canary_failed = False

    async def run(self) -> Outcome:
        """Go through all groups; Stopped if the run is being stopped."""
        options, outcome = self._options, self._outcome
        parts = rollout_groups(outcome.targets, options.batch, options.canary)
        try:
            for number, part in enumerate(parts):
                if reason := self._reason_to_stop(parts, number):
                    await self._skip_targets(part, reason)
                    continue
                if number == 1 and options.canary and options.pause_after_canary:
                    await self._ask_approval(parts)
                await self._run.gather(*map(self._run_target, part))
                if number == 0 and options.canary:
                    self._canary_failed = any(map(outcome.is_failed, part))
        except (Cancelled, asyncio.CancelledError) as stop:
            self._run.acknowledge_stop(stop)
            raise Stopped(outcome) from None
        await self._report_progress()
        if self._run.stopping and outcome.count(DONE) < len(outcome.targets):
            raise Stopped(outcome)
        return outcome

    def _reason_to_stop(self, parts: Sequence[Sequence[str]], number: int) -> str:
        """Return why a group is left alone, "" if it is not."""
        failed = self._outcome.count(FAILED, STUCK)
        if failed > self._options.max_failures:
            return f"stopped after {failed} failed"
        if not self._canary_failed:
            return ""
        # A run that began under a Reprise which tolerated that does not leave a group half done.
        begun = any(self._run.has_begun(target) for target in parts[number])
        return "" if begun else "stopped after a canary failed"

    async def _run_target(self, target: str) -> None:
        try:
            await self._fn(target)
        except (StepFailed, JobFailed):
            well = await self._compensation.compensate(target)
            self._outcome.set_outcome(target, FAILED if well else STUCK)
        except (Cancelled, asyncio.CancelledError) as stop:
            self._run.acknowledge_stop(stop)
            if not await self._compensation.compensate(target):
                self._outcome.set_outcome(target, STUCK)
            raise Cancelled from None
        else:
            self._outcome.set_outcome(target, DONE)
            self._compensation.forget_target(target)
        if target in self._run.worked:
            await self._report_progress()

    async def _ask_approval(self, parts: Sequence[Sequence[str]]) -> None:
        """Wait for somebody's word before the targets after the canaries."""
        done, rest = len(parts[0]), sum(map(len, parts[1:]))
        first, more = counted(done, "target"), counted(rest, "target")
        question = f"{first} went first. Go on with {more} more?"
        try:
            others = self._options.not_by_submitter
            await wait_for_approval(self._run, GATE, question, not_by_submitter=others)
        except Rejected as no:
            for part in parts[1:]:
                await self._skip_targets(part, no.message)
            await self._report_progress()
            raise

    async def _skip_targets(self, targets: Sequence[str], reason: str) -> None:
        for target in targets:
            self._outcome.set_outcome(target, SKIPPED)
        wanted = [
            self._run.skip(step, target, reason)
            for target in targets
            for step in self._options.steps
        ]
        await self._run.gather(*wanted)

    async def _report_progress(self) -> None:
        """Log the progress, unless it is as it was: targets through with it, those that failed."""
        failed = self._outcome.count(FAILED, STUCK)
        now = (self._outcome.count(DONE) + failed, failed)
        if now != self._told:
            self._told = now
            await self._run.progress(now[0], len(self._outcome.targets), failed)
