"""A few lines of HTTP for the control ports: one JSON request and answer a connection, asyncio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

REQUEST_SECONDS = 5.0
LARGEST_BODY = 65536

Answer = tuple[int, dict[str, Any]]
Handler = Callable[[str, str, dict[str, Any]], Awaitable[Answer]]


async def serve(port: int, handler: Handler) -> asyncio.Server:
    """Answer on a loopback port with `handler(method, path, body)`; OSError if it is taken."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                method, path, body = await read(reader)
            status, answer = await handler(method, path, body)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        except ValueError as error:
            status, answer = 400, {"error": str(error)}
        except OSError as error:  # a full disk
            status, answer = 500, {"error": str(error)}
        content = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", port)


async def read(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, Any]]:
    """Return method, path and JSON body (an empty one is {}); ValueError for anything else."""
    words = (await reader.readline()).decode("latin-1").split()
    length = 0
    while (line := await reader.readline()).strip():
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-length":
            length = int(value)
    if len(words) != 3 or not 0 <= length <= LARGEST_BODY:
        raise ValueError("not a request for a control port")
    body = json.loads(await reader.readexactly(length) or b"{}")
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return words[0], words[1].partition("?")[0], body


async def get(port: int, path: str, seconds: float = 2.0) -> dict[str, Any]:
    """Return the JSON that a loopback port answers; OSError or ValueError if it does not."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            answer: dict[str, Any] = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
            return answer
        finally:
            writer.close()
