"""Frames as text messages of a WebSocket, `/ws/jobs/<id>/`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from streams.client.actions import Alive, Open, Signal
from streams.client.close_reasons import by_close_code, by_response
from streams.client.frames import Words, parse_frame
from streams.client.transports.http import AGENT, Door

# A frame has about 128 KiB of events.
MAX_BYTES = 8 * 1024 * 1024
CLOSE_SECONDS = 1.0
ABNORMAL = 1006
# How often to look whether something of a frame that is not there yet has come.
LOOK_SECONDS = 1.0


class _Connection(ClientConnection):
    """Counts the bytes that come: those of a frame do long before there is one, on a slow line."""

    arrived = 0

    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        super().data_received(data)

    async def next(self) -> str | bytes | int:
        """Return the next message, or how many bytes came where it is not there in a second."""
        self.arrived = 0
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self.recv()
        except TimeoutError:
            return self.arrived


class _Connect(connect):
    """Follows no redirect: the library keeps the token only on the same origin, and says so to
    nobody; the next transport can follow it."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def socket_signals(door: Door, move: Open) -> AsyncGenerator[Signal, None]:
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
        create_connection=_Connection,
        ssl=door.tls if door.addresses.secure else None,
    )
    said: Words | None = None
    try:
        async with connecting as socket:
            while True:
                found = await cast(_Connection, socket).next()
                frame = parse_frame(found) if isinstance(found, str) else None
                # The close frame that follows an error says whether to come back.
                if isinstance(frame, Words):
                    said = frame
                else:
                    yield frame or Alive(found if isinstance(found, int) else len(found))
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else ABNORMAL
        yield by_close_code(code, closed.rcvd.reason if closed.rcvd else "", said)
    except InvalidStatus as refused:
        answer = refused.response
        yield by_response(
            answer.status_code, answer.headers, bytes(answer.body or b""), datetime.now(UTC)
        )
