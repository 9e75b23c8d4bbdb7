"""An event loop on virtual time: where nothing can run, the next timer is due at once."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


STUCK = "a wait for something that never comes"


class StuckRun(RuntimeError):
    """Nothing can run any more, and no timer is set."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while something runs.

    While a thread that it waits for is at work, or a socket where `counts_io()` says so, the time
    is the machine's. `is_busy()` says whether other threads are at work. Where nothing can run and
    no timer is set, `on_idle()` is called: it makes something ready, or raises.
    """

    def __init__(self) -> None:
        self.moment = 0.0
        self.is_busy: Callable[[], bool] = lambda: False
        self.counts_io: Callable[[], bool] = lambda: True
        self.on_idle: Callable[[], None] = _raise_stuck
        self._calls = 0  # in threads of executors
        super().__init__(_VirtualSelector(self))

    def time(self) -> float:
        """Return the virtual time, in seconds since the loop was made."""
        return self.moment

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Call a function in a thread; until it returns, time is the machine's."""
        self._calls += 1
        ended = super().run_in_executor(executor, func, *args)
        ended.add_done_callback(self._note_return)
        return ended

    def is_waiting(self, files: int) -> bool:
        """Return whether something outside of the loop is at work; so many files are watched."""
        return bool(self._calls) or self.is_busy() or (files > 1 and self.counts_io())

    def _note_return(self, _: asyncio.Future[Any]) -> None:
        self._calls -= 1


class _VirtualSelector(selectors.DefaultSelector):
    """Waits for the loop: not at all, where only time would pass."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if self._loop.is_waiting(len(self.get_map())):  # one of the files is the loop's own
            began = time.monotonic()
            events = super().select(timeout)
            self._loop.moment += time.monotonic() - began
        elif timeout is None:
            self._loop.on_idle()
        else:
            self._loop.moment += timeout
        return events


def run_virtual(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a virtual loop, in a thread of its own, and return its result."""

    def call() -> T:
        loop = VirtualLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(main(loop))

    with ThreadPoolExecutor(1, "virtual time") as pool:
        return pool.submit(copy_context().run, call).result()


def _raise_stuck() -> None:
    raise StuckRun(STUCK)
