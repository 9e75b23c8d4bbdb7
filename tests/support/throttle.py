"""A slow link: a relay that lets so many bits a second through to its clients, and buffers little.

What it does not pass on stays with the server that it relays for, as on a real link.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.relaying import Tasks

CHUNK_BYTES = 1400  # about a packet
WINDOW_BYTES = 16 * 1024


@dataclass
class Throttle:
    """The link's numbers: `connections` made through it, and `passed` bytes of answers."""

    upstream: int
    bits_a_second: float
    port: int = 0
    connections: int = 0
    passed: int = 0
    tasks: Tasks = field(default_factory=Tasks)
    _free_at: float = 0.0

    @property
    def url(self) -> str:
        """Its address for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """Its address for WebSocket."""
        return f"ws://127.0.0.1:{self.port}"

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one more connection; all of them share the link."""
        self.connections += 1
        self.tasks.start(self._relay(reader, writer))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
        made.setblocking(False)
        back: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError):
                await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", self.upstream))
                there, back = await asyncio.open_connection(sock=made, limit=WINDOW_BYTES)
                up = asyncio.create_task(_pass_up(reader, back))
                try:
                    await self._pass_down(there, writer)
                finally:
                    up.cancel()
        finally:
            made.close() if back is None else back.close()
            writer.close()

    async def _pass_down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while chunk := await reader.read(CHUNK_BYTES):
            self._free_at = max(self._free_at, loop.time()) + len(chunk) * 8 / self.bits_a_second
            await asyncio.sleep(self._free_at - loop.time())
            writer.write(chunk)
            await writer.drain()
            self.passed += len(chunk)


async def _pass_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def throttled(upstream: int, bits_a_second: float) -> AsyncIterator[Throttle]:
    """Run a slow link to a server on a port of this machine."""
    link = Throttle(upstream, bits_a_second)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WINDOW_BYTES)
    server = await asyncio.start_server(link.take, sock=listening, limit=WINDOW_BYTES)
    link.port = listening.getsockname()[1]
    try:
        yield link
    finally:
        server.close()
        await link.tasks.cancel()
