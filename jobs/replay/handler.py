"""Handler replay: today's handler on a recorded run, of which nothing is done again.

The handler gets a run for which every step is recorded, as if a worker took it over after its last
event. So it is the run itself that says whether handler and record fit (`jobs.run.replay`). A
replay adds what a worker does not ask: inputs, policies, and whether the run ends as it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

from jobs.events import Event, EventType, NewEvent
from jobs.kinds import Kind
from jobs.kinds.kind import read_begun
from jobs.replay.divergence import Divergence, is_same
from jobs.replay.history import History
from jobs.replay.recorded import read_recorded
from jobs.replay.replayed_run import ReplayedRun
from jobs.replay.source import line_of, raising_line
from jobs.replay.virtual_time import STUCK, StuckRun, VirtualLoop, run_virtual
from jobs.run import Diverged, JobFailed, Leaving, StepFailed, call_handler
from jobs.run.gates import START_GATE, wait_for_start
from jobs.run.outcome import cancelled_instead, ending_of, raised_event
from jobs.run.threads import is_async

AnyKind = Kind[Any]
MOST_STOPS = 1000  # a handler that catches every cancellation would go on for ever
_LONGEST_SIDE = 300


def replay_handler(
    history: History, kind: AnyKind | None = None, *, strict: bool = True
) -> Divergence | None:
    """Run today's handler against a record; return where they part first, None if they do not.

    Of the kind that the history names, unless one is given. Nothing is executed: no step, no
    command, no sleep. The history of a run that has not ended is replayed as far as it goes.
    With `strict=False` only what a worker does counts: whether one with this code goes on with the
    run, or would leave it or end it as failed. Raises HistoryInvalid for what is no job's history.
    """
    kind = kind or _find_kind(history.kind)
    if kind is None:
        known = f"no kind {history.kind!r} is known here"
        return Divergence(1, None, None, f"a job of the kind {history.kind}", known, None)
    return HandlerReplay(history, kind, strict=strict).replay()


class HandlerReplay:
    """One replay of a history; its patches are known after it."""

    def __init__(self, history: History, kind: AnyKind, *, strict: bool = True) -> None:
        self._recorded, self._kind = read_recorded(history), kind
        self._run, self._strict = ReplayedRun(self._recorded, strict=strict), strict
        self._stops = 0
        self._raised: Exception | None = None  # by the handler
        self._is_over = False  # the record, and not the handler

    @property
    def is_left(self) -> bool:
        """Whether a worker leaves the run to other code where it diverges; else it fails."""
        return self._run.cannot_continue

    @property
    def patches(self) -> frozenset[str]:
        """The patches that the handler asked for."""
        return self._run.patches_asked

    @property
    def patches_not_taken(self) -> frozenset[str]:
        """The patches that the handler asked for and that the run began without."""
        return self._run.patches_not_taken

    def replay(self) -> Divergence | None:
        """Return the first divergence; as `replay_handler`."""
        try:
            with self._run.noting_divergence():
                params = read_begun(self._kind, self._recorded.params)
        except Diverged as error:
            return self._differ(1, "the parameters", str(error))
        try:
            return run_virtual(lambda loop: self._run_handler(loop, params))
        except StuckRun:
            return self._differ(self._recorded.head, "an end", STUCK)

    async def _run_handler(self, loop: VirtualLoop, params: Any) -> Divergence | None:
        run = self._run

        async def work() -> Any:
            if run.first_step == (START_GATE, None, 1):
                await wait_for_start(run)
            handler = _noting_errors(self._kind.run, self._note_error)
            result = await call_handler(handler, run, params)
            if not self._strict:
                run.check_replayed()
            return result

        task = asyncio.create_task(ending_of(run, work))
        loop.is_busy, loop.on_idle = lambda: run.busy_threads > 0, lambda: self._go_on(task)
        try:
            ending = await task
        except (Leaving, asyncio.CancelledError):
            ending = None
        return run.divergence or (
            self._check_end(ending) if self._strict else self._check_failure(ending)
        )

    def _note_error(self, error: Exception) -> None:
        if not self._is_over:  # a plain handler leaves its run by an Exception
            self._raised = error

    def _go_on(self, task: asyncio.Task[NewEvent]) -> None:
        """Where nothing can run any more, let the next thing come that came from outside."""
        run = self._run
        self._stops += 1
        if self._stops > MOST_STOPS:
            raise StuckRun
        if self._recorded.stopped_at and not run.cancelling:
            run.set_requests(cancelling=True)
            run.release_waiting()
        elif run.is_cut_short:
            run.release_waiting()
        elif run.has_cut(by_stop=True):
            task.cancel()
        elif run.has_cut(by_stop=False):
            run.release_cut()
        else:
            self._is_over = True
            run.hand_over()
            task.cancel()

    def _check_end(self, ending: NewEvent | None) -> Divergence | None:
        run, was = self._run, self._recorded.ending
        if ending is None:
            return self._differ(self._recorded.head, was.type, STUCK) if was else None
        try:
            run.check_end()
        except Diverged:
            return run.divergence and self._with_line(run.divergence)
        if was is None:
            return None
        if self._recorded.stopped_at and ending.type == EventType.JOB_SUCCEEDED:
            ending = cancelled_instead(ending)
        return self._compare_endings(was, ending)

    def _check_failure(self, ending: NewEvent | None) -> Divergence | None:
        """Return where a worker ends the run as failed, for a reason that is not in the record.

        What the handler makes of all that is recorded, a failed step above all, is no such reason.
        """
        run, error = self._run, self._raised
        if run.cancelling or (isinstance(error, JobFailed | StepFailed) and run.is_replayed):
            return None
        if ending is None and error is not None:  # what it has begun is to be put back first
            ending = raised_event(run, error)
        if ending is None or ending.type != EventType.JOB_FAILED:
            return None
        said = _describe_ending(ending.type, ending.data, {"message"})
        found = self._differ(self._recorded.head, "a run that goes on", said)
        return replace(found, source=raising_line(error, self._kind.run) or found.source)

    def _compare_endings(self, was: Event, now: NewEvent) -> Divergence | None:
        told = {**was.data, "failed_targets": list(self._recorded.failed_targets)}
        said = {**now.data, "failed_targets": list(now.data.get("failed_targets") or ())}
        if was.type == now.type and (self._recorded.is_redacted or is_same(told, said)):
            return None
        differing = {name for name in {**told, **said} if told.get(name) != said.get(name)}
        recorded = _describe_ending(was.type, told, differing)
        return self._differ(was.seq, recorded, _describe_ending(now.type, said, differing))

    def _differ(self, seq: int, was: str, now: str) -> Divergence:
        return self._with_line(Divergence(seq, None, None, was, now, None))

    def _with_line(self, found: Divergence) -> Divergence:
        """Say where the handler begins, if no line of it asked."""
        return replace(found, source=found.source or line_of(self._kind.run))


def _noting_errors(
    handler: Callable[..., Any], note: Callable[[Exception], None]
) -> Callable[..., Any]:
    """Return the handler; `note` is told what it raises, before anything is put back."""

    @contextmanager
    def noting() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            note(error)
            raise

    if not is_async(handler):
        return noting()(handler)

    @wraps(handler)
    async def noted(*args: Any) -> Any:
        with noting():
            return await handler(*args)

    return noted


def _describe_ending(type_: str, data: Mapping[str, Any], members: set[str]) -> str:
    """Return "job.failed, message: Not well.": an end, and of it what differs."""
    said = [f"{name}: {data.get(name)}" for name in sorted(members) if data.get(name)]
    return ", ".join([type_, *said])[:_LONGEST_SIDE]


def _find_kind(name: str) -> AnyKind | None:
    from jobs.kinds import registry  # it needs Django's settings, which a given kind does not

    return registry.find_kind(name)
