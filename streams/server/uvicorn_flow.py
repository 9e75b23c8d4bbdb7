"""What uvicorn's connections are given to write, and whether their clients take it."""

from __future__ import annotations

import asyncio

from streams.counters import counters
from streams.server.patience import HELD_BYTES, Patience, unacknowledged_bytes


class PatientProtocol(asyncio.Protocol):
    """One connection; `_nothing_taken` is called when its client has taken nothing for 30 s."""

    transport: asyncio.Transport
    _patience: Patience
    _blocked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a connection."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HELD_BYTES, low=0)
        self._socket = self.transport.get_extra_info("socket")
        self._patience = Patience(self._socket, self._nothing_taken)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._end_watch()

    def pause_writing(self) -> None:
        """Hold the application, and look at the clock: the transport's buffer is full."""
        super().pause_writing()
        self._count_blocked(blocked=True)
        self._watch_client()

    def resume_writing(self) -> None:
        """Let the application go on: the buffer has room again."""
        super().resume_writing()
        self._count_blocked(blocked=False)

    def _watch_client(self, seconds: float | None = None) -> None:
        """Look at the clock (after `seconds` the first time), if that is not done already."""
        if seconds is not None or not self._patience.runs:
            self._patience.begin(seconds)

    def _end_watch(self) -> None:
        self._count_blocked(blocked=False)
        self._patience.end()

    def _waiting_bytes(self) -> int:
        """Return how many bytes of what was written the other end has not acknowledged."""
        return self.transport.get_write_buffer_size() + unacknowledged_bytes(self._socket)

    def _nothing_taken(self) -> None:
        raise NotImplementedError

    def _count_blocked(self, *, blocked: bool) -> None:
        if blocked != self._blocked:
            self._blocked = blocked
            counters.add("blocked", amount=1 if blocked else -1)
