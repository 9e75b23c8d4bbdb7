"""What a follower must be told next, whatever it waits for at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import RepriseError


class Notice:
    """One follower's: empty until it must go, then the error that says why.

    Anyone who waits for the follower's sake names the future that it waits on as `waiter`, so that
    giving the notice ends that wait. Look first, then wait, with no `await` between.
    """

    __slots__ = ("_timer", "_until", "error", "waiter")

    def __init__(self) -> None:
        self.error: RepriseError | None = None
        self.waiter: asyncio.Future[bool] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def wait_until(self, moment: float) -> None:
        """End the wait with False at this moment of the loop's clock, unless it ends before.

        A follower of a busy job waits hundreds of times a second, a little longer each time, so its
        timer is left as it is, and put off only when it rings too soon.
        """
        self._until = moment
        if self._timer is None or self._timer.when() > moment:
            self._cancel_timer()
            self._timer = asyncio.get_running_loop().call_at(moment, self._wake_follower)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Take the timer back at the end: nobody waits for this follower any more."""
        try:
            yield
        finally:
            self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake_follower(self) -> None:
        self._timer = None
        if self.waiter is None or self.waiter.done():
            return
        if self._until > (loop := asyncio.get_running_loop()).time():
            self._timer = loop.call_at(self._until, self._wake_follower)
        else:
            self.waiter.set_result(False)

    def give(self, error: RepriseError) -> None:
        """Have the follower told; the first notice stands."""
        if self.error is not None:
            return
        self.error = error
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(True)

    def check(self) -> None:
        """Raise what was given."""
        if self.error is not None:
            raise self.error
