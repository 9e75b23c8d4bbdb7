"""daphne's WebSockets: patient with those who read slowly, to the last frame.

autobahn waits a second for the answer to its close frame and half a minute for that to a ping, then
resets the connection, and what the kernel still held is lost. On a slow link both answers come when
what was sent before has been read, so here the kernel is asked whether anything is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from core.errors import BadRequest, GoingDown, TooSlow
from streams import wire
from streams.counters import counters
from streams.server import patience
from streams.server.daphne_gate import Gate, socket_of, waiting_bytes
from streams.server.patience import Patience
from streams.server.websocket_frames import SocketDeflate, window_bits

MOST_MESSAGES = 16  # that the application has not taken yet; a follower sends one now and then


class SocketProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """One WebSocket, and the gate before its buffer."""

    _gate: Gate | None = None
    _patience: Patience | None = None
    _deflate: SocketDeflate | None = None

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """Put a gate between the application and the connection's buffer."""
        super().onOpen()
        self._gate = Gate(self.transport, self.too_slow)
        self.transport.unregisterProducer()  # the HTTP channel that this was before
        self.transport.registerProducer(self._gate, True)
        if (agreed := self._perMessageCompress) is not None:
            takeover = not agreed.server_no_context_takeover
            self._deflate = SocketDeflate(agreed.server_max_window_bits, takeover=takeover)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803 - autobahn's
        """Hand a message on, unless the application is far behind."""
        if self.state == self.STATE_OPEN and self.application_queue.qsize() < MOST_MESSAGES:
            super().onMessage(payload, isBinary)
        else:
            self.sendClose(code=BadRequest.close_code)
        if self._perMessageCompress is not None:
            self._perMessageCompress._decompressor = None  # the next message gets a new one

    def deflated_frame(self, text: str) -> bytes | None:
        """Return a text as the compressed frame to send; None if it is to be sent as it is."""
        return self._deflate.frame(text) if self._deflate is not None else None

    def sendMessage(self, payload: bytes, isBinary: bool = False) -> None:  # noqa: N802, N803
        """Send as it is what autobahn sends: its compressor does not know what ours has sent."""
        super().sendMessage(payload, isBinary, doNotCompress=True)

    def _fail_connection(self, code: int = 0, reason: str = "") -> None:
        """Refuse what is no message as a bad request, where autobahn drops the connection."""
        if self.state == self.STATE_OPEN:
            self.sendClose(code=BadRequest.close_code)
            self.transport.loseConnection()  # autobahn would read no answer to that
        elif self.state != self.STATE_CLOSING:
            super()._fail_connection(code, reason)

    async def drained(self) -> None:
        """Wait until the connection has taken what was sent."""
        if self._gate is not None:
            await self._gate.passed()

    def too_slow(self) -> None:
        """Say why, for a client that wakes up in time; then end the connection."""
        if self.state == self.STATE_OPEN:
            counters.add("slow_closes")
            self.serverClose(code=TooSlow.close_code)
            self._wait_for_end(patience.FAREWELL_SECONDS)

    def send_off(self) -> None:
        """Tell a client to come back, behind all that it has not taken yet."""
        if self.state == self.STATE_OPEN:
            error = GoingDown()
            self.serverSend(wire.websocket_frame(wire.Refusal(error)))
            self.serverClose(code=error.close_code)

    def sendCloseFrame(self, *args: Any, **kwargs: Any) -> None:  # noqa: N802 - autobahn's name
        """Begin to close, or answer a client that does."""
        self._release_gate()
        super().sendCloseFrame(*args, **kwargs)
        self._wait_for_end()

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802 - autobahn's name
        """End the connection; with all that was written where both sides have said good-bye."""
        self._release_gate()
        super().dropConnection(abort and not self.wasClean)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - autobahn's name
        """Forget the connection."""
        self._release_gate()
        if self._patience is not None:
            self._patience.end()
        self.factory.server_class.transports.discard(self.transport)
        super().connectionLost(reason)

    def _sendAutoPing(self) -> None:  # noqa: N802 - autobahn's name
        """Ask for a sign of life, unless there is something to take: that shows it too."""
        if not waiting_bytes(self.transport):
            super()._sendAutoPing()
        elif self._patience is None or not self._patience.runs:
            self._patience = Patience(socket_of(self.transport), self._nothing_taken)
            self._patience.begin()

    def onAutoPingTimeout(self) -> None:  # noqa: N802 - autobahn's name
        """Give up a client that has not answered."""
        self.autoPingTimeoutCall = None
        self.too_slow()

    def _nothing_taken(self) -> None:
        if waiting_bytes(self.transport):
            self.too_slow()

    def _wait_for_end(self, seconds: float | None = None) -> None:
        if self._patience is not None:
            self._patience.end()
        if self.transport.connected:
            self._patience = Patience(socket_of(self.transport), self._end_connection)
            self._patience.begin(seconds)

    def _end_connection(self) -> None:
        """Close a connection that has taken all and says nothing; cut one that takes nothing."""
        if waiting_bytes(self.transport):
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def _release_gate(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.stopProducing()
            self.transport.unregisterProducer()


class SocketFactory(WebSocketFactory):  # type: ignore[misc]  # daphne has no types
    """Makes them."""

    protocol = SocketProtocol

    def setProtocolOptions(self, **options: Any) -> None:  # noqa: N802 - autobahn's name
        """Take autobahn's options, but not its patience with a close."""
        super().setProtocolOptions(
            **options, closeHandshakeTimeout=0, perMessageCompressionAccept=_accept_offer
        )


def _accept_offer(offers: Iterable[Any]) -> PerMessageDeflateOfferAccept | None:
    """Return on what terms messages are compressed, by the first offer that can be had; or None."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            bits = window_bits(offer.request_max_window_bits)
            if bits is not None:
                # Of what a client sends nothing is kept.
                terms = {"request_no_context_takeover": True, "window_bits": bits}
                return PerMessageDeflateOfferAccept(offer, **terms)  # type: ignore[no-untyped-call]
    return None
