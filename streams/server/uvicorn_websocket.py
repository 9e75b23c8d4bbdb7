"""uvicorn's WebSockets: patient with those who read slowly, to the last frame."""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.server import ServerProtocol

from core.errors import BadRequest, GoingDown, TooSlow
from streams import wire
from streams.counters import counters
from streams.server import patience
from streams.server.uvicorn_deflate import SharedDeflateExtension, SharedDeflateFactory
from streams.server.uvicorn_flow import PatientProtocol

_NO_MESSAGE = {CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.MESSAGE_TOO_BIG}


class ServerEnd(ServerProtocol):
    """A WebSocket's protocol, in which what is no message is a bad request."""

    def fail(self, code: int, reason: str = "") -> None:
        """Refuse what came, or note that the connection has failed."""
        super().fail(BadRequest.close_code if code in _NO_MESSAGE else code, reason)


class SocketProtocol(PatientProtocol, WebSocketsSansIOProtocol):
    """One WebSocket; the application waits while its buffer is full."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = ServerEnd(
            extensions=[SharedDeflateFactory()],
            max_size=self.config.ws_max_size,
            logger=logging.getLogger("uvicorn.error"),
        )

    async def send(self, message: Any) -> None:
        """Send for the application, and return once the connection has taken it.

        uvicorn waits before the next message instead; then the time that a frame took would count
        for the one after it (`streams.hub.pacing`). Where `message` closes, wait for the end.
        """
        await self.writable.wait()
        if self.close_sent and self.handshake_complete:
            raise ClientDisconnected
        if frame := self._deflated_frame(message):
            self.transport.write(frame)
        else:
            await super().send(message)
        self._wait_for_end()
        await self.writable.wait()

    def _deflated_frame(self, message: Any) -> bytes | None:
        """Return what a message is sent as where it is to be compressed."""
        text = message.get("text") if message["type"] == "websocket.send" else None
        is_open = self.handshake_complete and self.conn.state is State.OPEN
        if not text or not is_open or self.disconnected:
            return None
        for extension in self.conn.extensions:
            if isinstance(extension, SharedDeflateExtension):
                return extension.socket.frame(text)
        return None

    def data_received(self, data: bytes) -> None:
        """Read for the application; wait for the end where that closes."""
        super().data_received(data)
        if self.transport.is_closing():
            self._watch_client()

    def send_keepalive_ping(self) -> None:
        """Ask for a sign of life, unless there is something to take: that shows it too."""
        if self._waiting_bytes():
            self._watch_client()
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Give up a client that has not answered."""
        self.pong_timer = self.pending_ping_payload = None
        self.too_slow()

    def shutdown(self) -> None:
        """Let a connection that is closing end in its own time."""
        if self.close_timer is None:
            super().shutdown()

    def send_off(self) -> None:
        """Tell a client to come back, behind all that it has not taken yet."""
        error = GoingDown()
        if self.handshake_complete and not self.close_sent:
            self.conn.send_text(wire.websocket_frame(wire.Refusal(error)).encode())
            self._close_socket(error.close_code)

    def too_slow(self) -> None:
        """Say why, for a client that wakes up in time; then end the connection."""
        counters.add("slow_closes")
        self._close_socket(TooSlow.close_code)
        self._watch_client(patience.FAREWELL_SECONDS)

    def _close_socket(self, code: int | None) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code or 1000})
        self.conn.send_close(code or 1000)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        self._wait_for_end()

    def _wait_for_end(self) -> None:
        """Have a close wait for as long as something is taken, not for uvicorn's ten seconds."""
        if self.close_timer is not None and not self.close_timer.cancelled():
            self.stop_keepalive()
            self.close_timer.cancel()  # it stays as the mark of a close that waits for its answer
            self._watch_client()

    def _nothing_taken(self) -> None:
        if self._waiting_bytes():
            if self.close_sent or self.transport.is_closing():
                self.transport.abort()
            else:
                self.too_slow()
        elif self.close_sent:
            self.transport.close()
