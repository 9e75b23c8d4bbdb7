"""What one of uvicorn's connections is given to write, and whether its client takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from streams.counters import counters
from streams.server.patience import HELD_BYTES, Patience, unacknowledged_bytes


class Flow:
    """One connection's; calls `nothing_taken` when its client has taken nothing for 30 s."""

    __slots__ = ("_blocked", "_patience", "_socket", "_transport")

    def __init__(self, transport: asyncio.Transport, nothing_taken: Callable[[], object]) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=HELD_BYTES, low=0)
        self._socket = transport.get_extra_info("socket")
        self._patience = Patience(self._socket, nothing_taken)
        self._blocked = False

    def block(self) -> None:
        """Begin to look at the clock: the transport's buffer is full."""
        self._count_blocked(blocked=True)
        self.watch()

    def unblock(self) -> None:
        """The buffer has room again."""
        self._count_blocked(blocked=False)

    def watch(self, seconds: float | None = None) -> None:
        """Look at the clock (after `seconds` the first time), if that is not done already."""
        if seconds is not None or not self._patience.runs:
            self._patience.begin(seconds)

    def end(self) -> None:
        """Forget the connection."""
        self._count_blocked(blocked=False)
        self._patience.end()

    def waiting(self) -> int:
        """Return how many bytes of what was written the other end has not acknowledged."""
        return self._transport.get_write_buffer_size() + unacknowledged_bytes(self._socket)

    def _count_blocked(self, *, blocked: bool) -> None:
        if blocked != self._blocked:
            self._blocked = blocked
            counters.add("blocked", amount=1 if blocked else -1)
