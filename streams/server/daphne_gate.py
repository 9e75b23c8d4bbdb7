"""What holds an application back while one of daphne's connections has enough to write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

from streams.counters import counters
from streams.server.patience import HELD_BYTES, Patience, unacknowledged_bytes


@implementer(IPushProducer)
class Gate:
    """What a transport pauses while over `HELD_BYTES` wait in its buffer; open again at none."""

    def __init__(self, transport: Any, too_slow: Callable[[], object]) -> None:
        self._transport = transport
        _lowest_transport(transport).bufferSize = HELD_BYTES
        self._opened = asyncio.Event()
        self._opened.set()
        self._patience = Patience(socket_of(transport), too_slow)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Close: the buffer is full."""
        if self._opened.is_set():
            self._opened.clear()
            counters.add("blocked")
            self._patience.begin()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Open: the buffer is empty."""
        self.stopProducing()
        if self._transport.disconnecting:
            self._transport.unregisterProducer()  # else it would wait for more before it closes

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Open: nothing is to be held back any more, the connection being gone, for one."""
        if not self._opened.is_set():
            self._opened.set()
            self._patience.end()
            counters.add("blocked", amount=-1)

    async def passed(self) -> None:
        """Wait until it is open; it opens when the connection ends, too."""
        while not self._opened.is_set():
            await self._opened.wait()


def socket_of(transport: Any) -> Any:
    """Return the socket of a connected transport, below TLS if need be."""
    return _lowest_transport(transport).socket


def buffered_bytes(transport: Any) -> int:
    """Return how many bytes wait in a connected transport's own two buffers."""
    transport = _lowest_transport(transport)
    amount: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    return amount


def waiting_bytes(transport: Any) -> int:
    """Return how many bytes of what was written the other end has not acknowledged."""
    return buffered_bytes(transport) + unacknowledged_bytes(socket_of(transport))


def _lowest_transport(transport: Any) -> Any:
    """Return the transport that has the socket, below TLS if need be."""
    while not hasattr(transport, "socket"):
        transport = transport.transport
    return transport
