"""A step's time limit: it stands still while the step waits for its turn somewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class TimeLimit:
    """Raises TimeoutError in the block that it is around, after so many seconds of work."""

    def __init__(self, seconds: float | None) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._began = time.monotonic()
        self._waits = 0
        self._waited = 0.0
        self._held_at = 0.0
        self._when: float | None = None  # it would have been up, had nothing waited

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        await self._timeout.__aexit__(*raised)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._timeout.expired()

    @property
    def seconds(self) -> float:
        """How long the step has worked, to the millisecond."""
        now = self._held_at if self._waits else time.monotonic()
        return round(now - self._began - self._waited, 3)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have no time pass meanwhile; several may wait at once, in tasks of their own."""
        self._change_hold(+1)
        try:
            yield
        finally:
            self._change_hold(-1)

    def _change_hold(self, more: int) -> None:
        before, self._waits, now = self._waits, self._waits + more, time.monotonic()
        if not before:
            self._held_at = now
            self._when = self._timeout.when()
        elif not self._waits:
            self._waited += now - self._held_at
        else:
            return
        if self._when is not None and not self.is_over:
            late = now - self._held_at
            with suppress(RuntimeError):  # the block has been left, something of it goes on
                self._timeout.reschedule(None if self._waits else self._when + late)
