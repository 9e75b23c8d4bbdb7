"""What the server alone takes for a connection: an application that says as little as it can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Accept a WebSocket, begin a stream at /stream, hold a request at /poll; then wait."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    elif scope["path"] != "/poll":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = scope["path"] == "/stream"
        await send({"type": "http.response.body", "body": b"hello\n", "more_body": more})
        if not more:
            return
    while not (await receive())["type"].endswith("disconnect"):
        pass
