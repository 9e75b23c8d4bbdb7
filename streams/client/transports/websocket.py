"""Frames as text messages of a WebSocket, `/ws/jobs/<id>/`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from streams.client.closed import by_close_code, by_response
from streams.client.frames import Words, parse
from streams.client.moves import Alive, Open, Signal
from streams.client.transports.http import AGENT, Door

# A frame has about 256 KiB of events.
MAX_BYTES = 8 * 1024 * 1024
CLOSE_SECONDS = 1.0
ABNORMAL = 1006


class _Connect(connect):
    """Follows no redirect: the library keeps the token only on the same origin, and says so to
    nobody; the next transport can follow it."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def signals(door: Door, move: Open) -> AsyncGenerator[Signal, None]:
    """Yield what one WebSocket brings; the last is why it is over."""
    connecting = _Connect(
        door.addresses.websocket(move.cursor),
        additional_headers=door.headers,
        user_agent_header=AGENT,
        compression=None,
        proxy=True if door.trust_env else None,
        open_timeout=None,  # the core waits for a first frame, which says more
        ping_interval=None,  # the server's heartbeats do this
        close_timeout=CLOSE_SECONDS,
        max_size=MAX_BYTES,
        ssl=door.tls if door.addresses.secure else None,
    )
    said: Words | None = None
    try:
        async with connecting as socket:
            while True:
                text = await socket.recv()
                frame = parse(text) if isinstance(text, str) else None
                # The close frame that follows an error says whether to come back.
                if isinstance(frame, Words):
                    said = frame
                else:
                    yield frame or Alive()
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else ABNORMAL
        yield by_close_code(code, closed.rcvd.reason if closed.rcvd else "", said)
    except InvalidStatus as refused:
        answer = refused.response
        yield by_response(
            answer.status_code, answer.headers, bytes(answer.body or b""), datetime.now(UTC)
        )
