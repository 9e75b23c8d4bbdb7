"""The follower on a WebSocket."""

from __future__ import annotations

import json

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from tests.acceptance.followers.base import Cut, Follower, Lost, Order, sliced

NORMAL, BROKEN = 1000, 1011
FINAL = range(4500, 5000)


class WebSocketFollower(Follower):
    """Reads `/ws/jobs/<id>/`; is cut with or without a close frame."""

    transport = "websocket"

    async def connect(self, cursor: str) -> None:
        address = f"{self.url.replace('http', 'ws', 1)}/ws/jobs/{self.job}/?after={cursor}"
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with connect(
                address,
                additional_headers=headers,
                origin=Origin(self.url),  # as a page of this service says
                max_size=None,
                proxy=None,
                open_timeout=60,
            ) as socket:
                await self._read(socket, Order(self, cursor))
        except (OSError, InvalidHandshake) as error:
            raise Lost(repr(error)) from error

    async def _read(self, socket: ClientConnection, order: Order) -> None:
        try:
            while True:
                self._frame(await socket.recv(), order)
        except Cut:
            if self.rng.random() < 0.5:
                socket.transport.abort()  # no close frame, as when a cable is pulled
            raise
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            assert code not in FINAL, f"{self} was closed for good: {code}"
            assert code != BROKEN, f"{self}: the service failed"
            assert order.ended == (code == NORMAL), f"{self} was closed: {code}, {order.ended}"
            if not order.ended:
                raise Lost(f"closed: {code}") from closed

    def _frame(self, frame: str | bytes, order: Order) -> None:
        assert isinstance(frame, str), f"{self}: a binary frame"
        if frame.startswith('{"kind":"events",'):
            for raw in sliced(frame):
                order.event(raw)
        else:
            assert frame.startswith('{"kind":"'), f"{self}: kind is not first in {frame}"
            order.control(json.loads(frame))
