"""What people and the worker want of a run, and where it heeds that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, NoReturn
from weakref import WeakSet

from jobs.run.errors import Cancelled, HandedOver, Parked


class _Branch:
    """One of several things that a run does at once."""


_BRANCH: ContextVar[object] = ContextVar("branch", default=None)
# The thread of the plain function that calls a run.
CALLER: ContextVar[int | None] = ContextVar("caller", default=None)


@contextmanager
def new_branch() -> Iterator[None]:
    """Have what is called here, also from threads, belong to a branch of its own."""
    token = _BRANCH.set(_Branch())
    try:
        yield
    finally:
        _BRANCH.reset(token)


class RunControl:
    """The part of a run that can be stopped, paused, parked and handed over."""

    def __init__(self) -> None:
        self.cancelling = False
        self.handing_over = False
        self.pausing = False
        self.plain = False  # an ordinary function calls: each call is a task of its own
        self.waits: list[Mapping[str, Any]] = []
        self.left = False  # whether this attempt has parked, or part of it
        self.busy_threads = 0  # of plain functions; those that wait for a call do not count
        self._main: object = None
        self._changed = asyncio.Event()
        self._parked: WeakSet[Any] = WeakSet()

    def enter_handler(self) -> None:
        """Note that the handler runs from here on, in this task."""
        self._main = self._current_branch()

    @property
    def in_main(self) -> bool:
        """Whether it is the handler itself that calls, not a branch of a `gather`."""
        return self._current_branch() is self._main

    def checkpoint(self, always: bool = False) -> None:
        """Raise if a run is to stop here.

        HandedOver; Cancelled, unless it runs `always`; Parked if it is paused, or this very task
        has been parked and only cleans up.
        """
        if self.handing_over:
            raise HandedOver
        if self.cancelling:
            if always:
                return
            raise Cancelled
        if self.pausing or self._current_branch() in self._parked:
            self.park()

    def park(self, wait: Mapping[str, Any] | None = None) -> NoReturn:
        """Leave the worker until what `wait` says, or until the run is resumed."""
        self.left = True
        if wait is not None:
            self.waits.append(wait)
        parked = Parked()
        self.mark_parked(parked)
        raise parked

    def set_requests(self, *, cancelling: bool = False, pausing: bool = False) -> None:
        """Take in what people ask for: heeded between steps, and in waits."""
        changed = (self.cancelling or cancelling, pausing) != (self.cancelling, self.pausing)
        self.cancelling, self.pausing = self.cancelling or cancelling, pausing
        if changed:
            self.notify_change()

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether the next checkpoint raises, or may."""
        return self.cancelling or self.pausing or self.handing_over

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the run to stop, and it is this worker's to end."""
        return self.cancelling and not self.handing_over

    @property
    def leaving(self) -> bool:
        """Whether the run goes on later, from its log: what is cut short now begins again then."""
        return self.handing_over or self.left

    def is_signal(self, error: BaseException) -> bool:
        """Whether it is the run itself that raised this, to leave the worker."""
        if isinstance(error, HandedOver):
            return self.handing_over
        return isinstance(error, Parked) and self.left

    def acknowledge_stop(self, stop: BaseException) -> None:
        """Take note of a stop, to put back what was begun; raise any other end again."""
        if not self.stopping:
            raise stop
        task = asyncio.current_task()
        if isinstance(stop, asyncio.CancelledError) and task:
            task.uncancel()

    def hand_over(self) -> None:
        """Have the run leave this worker at its next checkpoint."""
        self.handing_over = True
        self.notify_change()

    def notify_change(self) -> None:
        """End every wait in this worker: something has changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self, seconds: float) -> None:
        """Return when something has changed, after `seconds` at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    @contextmanager
    def at_work(self, threads: int) -> Iterator[None]:
        """Count so many threads more, or fewer, as busy meanwhile."""
        self.busy_threads += threads
        try:
            yield
        finally:
            self.busy_threads -= threads

    def mark_parked(self, error: BaseException) -> None:
        """Remember that this branch is parked: it may clean up nothing."""
        if isinstance(error, Parked):
            self._parked.add(self._current_branch())

    def branch_context(self) -> Context:
        """Return a context in which another task counts as part of this branch."""
        context = copy_context()
        context.run(_BRANCH.set, self._current_branch())
        return context

    def _current_branch(self) -> object:
        return _BRANCH.get() or (self if self.plain else asyncio.current_task())
