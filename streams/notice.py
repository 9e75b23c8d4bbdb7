"""What a follower must be told next, whatever it waits for at that moment."""

from __future__ import annotations

import asyncio

from core.errors import RepriseError


class Notice:
    """One follower's: empty until it must go, then the error that says why.

    Whoever waits for the follower's sake names the future that it waits on as `waiter`, so that
    giving the notice ends that wait. Look first, then wait, with no `await` between.
    """

    __slots__ = ("error", "waiter")

    def __init__(self) -> None:
        self.error: RepriseError | None = None
        self.waiter: asyncio.Future[bool] | None = None

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
