"""daphne's HTTP connections: bounded in what they read, patient with those who read slowly.

Twisted reads a request whole before daphne sees it, ends without a word what it finds too large,
and counts no time while anything comes. Here a request is refused by its head, or as soon as it is
too long or too slow, with an answer; and the rest of it is thrown away until the client has read
that, since a connection that is closed with something unread is reset.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.protocols import basic
from twisted.web import http

from core.errors import BadRequest, RepriseError, RequestTimedOut
from core.problems import Internal, body_too_large
from streams.counters import counters
from streams.server import limits, patience
from streams.server.daphne_gate import Gate, socket_of, waiting_bytes

# Twisted's types are partial.
LineReceiver: Any = basic.LineReceiver
HTTPChannel: Any = http.HTTPChannel


class HttpRequest(WebRequest):  # type: ignore[misc]  # daphne has no types
    """One request, and the gate before its answer."""

    _gate: Gate | None = None
    _body_bytes = 0

    def __init__(self, channel: Any, queued: object = False) -> None:
        # Twisted would read forms too; Django does.
        super().__init__(channel, queued, parsePOSTFormSubmission=False)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take a part of the body, unless it is too much."""
        self._body_bytes += len(data)
        if self._body_bytes <= limits.body_bytes():
            super().handleContentChunk(data)
        elif self.channel is not None:
            self.channel.refuse(body_too_large())

    def hold(self) -> None:
        """Put a gate between the application and the connection's buffer."""
        if self.channel is not None and self.channel.transport.connected:
            self._gate = Gate(self.channel.transport, self._too_slow)
            self.registerProducer(self._gate, True)

    async def drained(self) -> None:
        """Wait until the connection has taken what was sent."""
        if self._gate is not None:
            await self._gate.passed()

    def finish(self) -> None:
        """End the answer."""
        self._release_gate()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        """Forget the connection."""
        self._release_gate()
        super().connectionLost(reason)

    def handle_exception(self, exception: BaseException) -> None:
        """Cut an answer that has begun: one that ended early must not look whole."""
        if not self._response_started:
            super().handle_exception(exception)
        elif self.channel is not None:
            self.channel.transport.abortConnection()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answer what no application has answered."""
        if self._response_started:
            self.handle_exception(RuntimeError(body))
        elif self.channel is not None:
            self.channel.refuse(BadRequest(f"{body}.") if status < 500 else Internal())

    def _release_gate(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.stopProducing()
            if self.channel is not None:
                self.unregisterProducer()

    def _too_slow(self) -> None:
        counters.add("slow_closes")
        if self.channel is not None:
            self.channel.transport.abortConnection()


class HttpChannel(HTTPChannel):  # type: ignore[misc]  # it is Any
    """One connection: requests one after the other."""

    totalHeadersSize = limits.HEAD_BYTES  # noqa: N815 - Twisted's name
    maxHeaders = limits.HEADERS  # noqa: N815 - Twisted's name
    _arrival: limits.Arrival | None = None
    _ending = False
    _taken = 0
    _idle_until = 0.0

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Begin to wait for a first request."""
        self.timeOut = patience.FIRST_SECONDS
        super().connectionMade()
        self.factory.transports.add(self.transport)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        """Forget the connection."""
        super().connectionLost(reason)
        self.factory.transports.discard(self.transport)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Read; what comes after the end is thrown away."""
        if self._ending:
            return
        if not self._handlingRequest:
            if self._arrival is None:
                self._arrival = limits.Arrival()
                self.setTimeout(self._arrival.seconds_left())
            self._arrival.received += len(data)
        # Past HTTPChannel's own, which puts off the timeout for each byte.
        LineReceiver.dataReceived(self, data)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Read a body."""
        if not self._ending:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Refuse a line that is longer than a whole head may be."""
        self._receivedHeaderSize += len(line)
        self._respondToBadRequestAndDisconnect()

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:  # noqa: N802
        error = limits.length_error(data) if header == b"Content-Length" else None
        if error is None:
            chosen: bool = super()._maybeChooseTransferDecoder(header, data)
            return chosen
        self.refuse(error)
        return False

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Go on to the body, unless the head has been refused."""
        if not self._ending:
            super().allHeadersReceived()

    def allContentReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Have the request answered."""
        self._arrival = None
        if not self._ending:
            super().allContentReceived()

    def requestDone(self, request: Any) -> None:  # noqa: N802 - Twisted's name
        """Wait for the next request, once this one's answer has been taken."""
        self._idle_until = monotonic() + patience.IDLE_SECONDS
        self._savedTimeOut = patience.SLOW_SECONDS
        self._taken = patience.acknowledged_bytes(socket_of(self.transport))
        super().requestDone(request)

    def timeoutConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Find out what was waited for in vain."""
        if self._arrival is not None:
            if (left := self._arrival.seconds_left()) > 0:
                self.setTimeout(left)
            else:
                self.refuse(RequestTimedOut())
        elif waiting_bytes(self.transport):
            self._go_on_or_cut()
        elif not self._ending and (left := self._idle_until - monotonic()) > 0:
            self.setTimeout(left)
        else:
            self.transport.loseConnection()

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close once all has been taken."""
        super().loseConnection()
        self._end_connection()

    def refuse(self, error: RepriseError) -> None:
        """Answer, and read no further; the connection ends when the client has the answer."""
        if self._ending:
            return
        self.transport.write(limits.refusal_response(error))
        self._networkProducer.unregisterProducer()
        self._networkProducer.resumeProducing()
        self.setRawMode()
        self.transport.loseWriteConnection()
        self._end_connection()

    def _end_connection(self) -> None:
        self._arrival, self._ending = None, True
        if self.transport.connected:
            self._taken = patience.acknowledged_bytes(socket_of(self.transport))
            self.setTimeout(patience.SLOW_SECONDS)

    def _go_on_or_cut(self) -> None:
        before, self._taken = self._taken, patience.acknowledged_bytes(socket_of(self.transport))
        if self._taken == before:
            self.transport.abortConnection()
        else:
            self.setTimeout(patience.SLOW_SECONDS)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        first_line = not hasattr(self, "_command")
        size, count = self._receivedHeaderSize, self._receivedHeaderCount
        address = size if first_line else 0
        self.refuse(limits.head_error(address, size - address, count) or BadRequest())


class HttpFactory(HTTPFactory):  # type: ignore[misc]  # daphne has no types
    """Makes them; `transports` are those of all open connections."""

    protocol = HttpChannel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.transports: set[Any] = server.transports

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        """Make a connection."""
        channel = super().buildProtocol(addr)
        channel.requestFactory = HttpRequest
        return channel
