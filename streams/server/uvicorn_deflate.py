"""permessage-deflate for uvicorn's WebSockets, with frames that are shared."""

from __future__ import annotations

from collections.abc import Sequence

from websockets.exceptions import NegotiationError
from websockets.extensions.base import Extension, ServerExtensionFactory
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame
from websockets.typing import ExtensionName, ExtensionParameter

from streams.server.websocket_frames import SocketDeflate, window_bits


class SharedDeflateExtension(Extension):
    """Reads what a client has compressed; what it is sent `socket` compresses, past this."""

    name = ExtensionName("permessage-deflate")

    def __init__(self, reading: PerMessageDeflate, socket: SocketDeflate) -> None:
        self._reading = reading
        self.socket = socket

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Return a client's frame as it was before it was compressed."""
        return self._reading.decode(frame, max_size=max_size)

    def encode(self, frame: Frame) -> Frame:
        """Return a frame as it is."""
        return frame


class SharedDeflateFactory(ServerExtensionFactory):
    """Accepts an offer on the terms of shared frames."""

    name = ExtensionName("permessage-deflate")

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], Extension]:
        """Return the terms, and the extension. Raises NegotiationError to decline."""
        bits = window_bits(_asked_bits(params))
        if bits is None:
            raise NegotiationError("frames are not compressed for this window")
        # Of what a client sends nothing is kept.
        terms = ServerPerMessageDeflateFactory(
            client_no_context_takeover=True, server_max_window_bits=bits
        )
        answer, agreed = terms.process_request_params(params, accepted_extensions)
        if not agreed.local_no_context_takeover:
            del agreed.encoder  # which this does not use
        socket = SocketDeflate(bits, takeover=not agreed.local_no_context_takeover)
        return answer, SharedDeflateExtension(agreed, socket)


def _asked_bits(params: Sequence[ExtensionParameter]) -> int | None:
    """Return the window that a client asks for; None if it leaves that to the server."""
    asked = dict(params).get("server_max_window_bits")
    return int(asked) if asked and asked.isdigit() else None
