"""The run that a handler replay gives to a handler: all of it comes from the record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from inspect import signature
from typing import Any, NoReturn

from core import clock
from core.user_code import Words
from jobs.events import EventType, NewEvent
from jobs.events.fold import CANCELLING, RUNNING, StepKey, StepState
from jobs.log import Append, Appended
from jobs.replay.divergence import Asked, AskedOtherwise, Divergence, compare_call
from jobs.replay.recorded import Recorded
from jobs.replay.source import asking_line
from jobs.run import Approval, Diverged, Run, StepFailed
from jobs.run.replay import describe_step
from jobs.run.retry import ONCE
from jobs.run.step_runner import CUT_SHORT, STOPPED

_STEP = signature(Run.step)
_UNCHECKED = frozenset({EventType.JOB_PROGRESSED, EventType.STEP_PROGRESSED})


class ReplayedRun(Run):
    """A run whose steps are all recorded; what is not, it waits for, or refuses.

    Nothing is executed: a step's function is called only after its start has been appended, and
    nothing is appended here. `strict`: it also refuses what a worker lets pass, that a step is
    asked for with another input, timeout or policy.
    """

    def __init__(self, recorded: Recorded, *, strict: bool) -> None:
        summary = recorded.state.summary
        attempt = max(summary.attempt, 2)  # a first one would stop before it has begun
        super().__init__(recorded.job, 0, attempt, "worker:replay", _NoWriter(self), recorded.kind)
        # A worker that takes over a run which is being stopped lets it go another way.
        status = RUNNING if strict else summary.status
        self.load_steps(recorded.state.steps, status, summary.last_at or "")
        self.recorded, self.strict = recorded, strict
        self._too_many = recorded.too_many
        self.divergence: Divergence | None = None
        self._waiting: set[asyncio.Future[None]] = set()  # calls that are at the record's end
        self._cut: dict[asyncio.Future[None], bool] = {}  # steps; whether a stop ended them
        self._asking: Asked | None = None
        self._patches_asked = set[str]()
        self._latest: StepKey | None = None

    def clock(self) -> datetime:
        """Return the time of the last event."""
        return clock.parse(self.recorded.state.summary.last_at or "")

    async def leave_record(self) -> None:
        """Wait where the record says no more, or where it has a stop; else refuse to go on."""
        if self.cancelling:
            return
        ending, stop, too_many = self.recorded.ending, self.recorded.stopped_at, self._too_many
        if ending is not None and not stop and not too_many:
            self.refuse(self._latest)
        await self._wait_here()
        if too_many:
            self.refuse_too_many()
            self.refuse(self._latest)

    def refuse_too_many(self) -> None:
        """Raise TooManyEvents where that has ended the run, once all that is recorded is done."""
        if self._too_many and self.is_replayed:
            self.diverged = self._too_many
            raise self._too_many

    async def write(self, event: NewEvent) -> None:
        """Take an event that the run wants to append: it is none that the record has."""
        if event.type in _UNCHECKED:
            return
        await self.leave_record()
        if self.recorded.ending is None:
            await self._wait_here()
        self.refuse(self._latest)

    def refuse(self, asked: StepKey | None) -> NoReturn:
        """Diverge: the record has nothing more."""
        with self.noting_divergence():
            raise Diverged("The record has nothing more.", None, asked)

    @property
    def patches_asked(self) -> frozenset[str]:
        """The patches that the handler asked for."""
        return frozenset(self._patches_asked)

    @property
    def patches_not_taken(self) -> frozenset[str]:
        """The patches that the handler asked for and that the run began without."""
        return self._replay.patches_not_taken

    @property
    def is_replayed(self) -> bool:
        """Whether the handler has asked for everything that is recorded."""
        try:
            self._replay.check_complete()
        except Diverged:
            return False
        return True

    def has_cut(self, *, by_stop: bool) -> bool:
        """Return whether a step waits to be ended from outside: by a stop, or by its own run."""
        return by_stop in self._cut.values()

    @property
    def is_cut_short(self) -> bool:
        """Whether calls wait that the run had no events left for."""
        return self._too_many is not None and bool(self._waiting)

    def release_waiting(self) -> None:
        """Have the calls go on that have come to the record's end."""
        _release(self._waiting)

    def release_cut(self) -> None:
        """Have the steps fail that nobody has ended."""
        _release(self._cut)

    def check_end(self) -> None:
        """Diverge if the handler is done and something recorded has not been asked for."""
        if self.divergence is None and (self.recorded.ending or not self.cancelling):
            with self.noting_divergence():
                self._replay.check_complete()

    @contextmanager
    def noting_divergence(self) -> Iterator[None]:
        """Remember the first Diverged that is raised in here, and which line it comes from."""
        try:
            with super().noting_divergence():
                yield
        except Diverged as error:
            if self.divergence is None:
                self.divergence = self._describe(error)
            raise

    def next_call(self, name: str, target: str | None, **how: Any) -> tuple[int, StepState | None]:
        """As `Attempt.next_call`; also Diverged if the step was asked for otherwise.

        How a step was asked for that a fork keeps is in the log of the other job.
        """
        asking, self._asking = self._asking, None
        occurrence, recorded = super().next_call(name, target, **how)
        self._latest = key = (name, target, occurrence)
        is_own = recorded is not None and recorded.kept is None
        if self.strict and asking and is_own and not self.cancelling:
            with self.noting_divergence():
                compare_call(key, self.recorded.calls[key], asking)
        return occurrence, recorded

    def checks_order(self, target: str | None) -> bool:
        """As `Attempt.checks_order`; what comes after a stop has no order."""
        following, stop = self._replay.next_step(target), self.recorded.stopped_at
        is_stopped = stop and following and self.recorded.calls[following].seq > stop
        return super().checks_order(target) and not is_stopped

    async def step(self, *args: Any, **how: Any) -> Any:
        """As `Run.step`; one that was ended from outside is ended so again."""
        given = _STEP.bind(self, *args, **how).arguments
        self._asking = Asked(given.get("timeout"), given.get("retry", ONCE), given.get("input"))
        try:
            return await super().step(*args, **how)
        except StepFailed as failed:
            words = (failed.error.get("type"), failed.error.get("message"))
            if words in (_words(STOPPED), _words(CUT_SHORT)):
                await self._end_from_outside(by_stop=words == _words(STOPPED))
            raise

    async def sleep(self, time: float | timedelta, name: str = "sleep") -> None:
        """As `Run.sleep`."""
        seconds = time.total_seconds() if isinstance(time, timedelta) else time
        self._asking = Asked(span=seconds)
        await super().sleep(time, name)

    async def until(self, moment: datetime, name: str = "until") -> None:
        """As `Run.until`."""
        self._asking = Asked(until=clock.rfc3339(moment))
        await super().until(moment, name)

    async def wait_for(self, name: str, timeout: float | None = None) -> Any:
        """As `Run.wait_for`."""
        self._asking = Asked(timeout)
        return await super().wait_for(name, timeout)

    async def gate(
        self,
        name: str,
        question: str = "",
        *,
        not_by_submitter: bool = False,
        timeout: float | None = None,
    ) -> Approval:
        """As `Run.gate`."""
        self._asking = Asked(timeout)
        return await super().gate(
            name, question, not_by_submitter=not_by_submitter, timeout=timeout
        )

    async def take_patch(self, name: str) -> bool:
        """As `Attempt.take_patch`; a run that is over has gone on from everywhere."""
        self._patches_asked.add(name)
        if self.recorded.ending is not None:
            return self._replay.has_patch(name) or False
        return await super().take_patch(name)

    async def _end_from_outside(self, *, by_stop: bool) -> None:
        """Wait to be cancelled, as the step was; return if nobody does that."""
        ended = asyncio.get_running_loop().create_future()
        self._cut[ended] = by_stop
        try:
            await ended
        finally:
            del self._cut[ended]

    async def _wait_here(self) -> None:
        going_on = asyncio.get_running_loop().create_future()
        self._waiting.add(going_on)
        try:
            await going_on
        finally:
            self._waiting.discard(going_on)

    def _describe(self, error: Diverged) -> Divergence:
        key = error.recorded or error.asked
        step, target, _ = key or (None, None, 0)
        call = self.recorded.calls.get(error.recorded) if error.recorded else None
        seq = call.seq if call else self.recorded.head
        return Divergence(seq, step, target, *_sides(error, self.recorded), asking_line())


class _NoWriter:
    """A run's writer that appends nothing: progress may be told, all else is the run's matter."""

    def __init__(self, run: ReplayedRun) -> None:
        self._run = run

    async def append(self, wish: Append) -> Appended:
        """Return a receipt for events that a replay does not check."""
        for event in wish.events:
            await self._run.write(event)
        head = self._run.recorded.head
        return Appended(wish.job, head, head, [], CANCELLING if self._run.cancelling else RUNNING)


def _sides(error: Diverged, recorded: Recorded) -> tuple[str, str]:
    """Return both sides of a divergence in words."""
    if isinstance(error, AskedOtherwise):
        return error.was, error.now
    was = describe_step(error.recorded) if error.recorded else _describe_ending(recorded)
    if error.asked is None:
        return was, "no such step before its end" if error.recorded else error.message
    return was, describe_step(error.asked)


def _describe_ending(recorded: Recorded) -> str:
    return f"no further step, but {recorded.ending.type}" if recorded.ending else "nothing"


def _release(waiting: Iterable[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)


def _words(words: Words) -> tuple[str, str]:
    return words.type, words.message
