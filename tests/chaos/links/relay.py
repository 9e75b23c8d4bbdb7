"""A relay between followers and a server: a slow line, and what such lines do to connections.

The line is what all connections of a relay share: so many bits a second in each direction. Little
waits in the relay itself; what the server has sent and the line has not taken waits in the server's
own buffers, as before a real line.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field

from tests.chaos.links.connection import CHUNK, Connection, Line, Terms

BUFFER = 4096  # the least that Linux gives is a little more
RESET = struct.pack("ii", 1, 0)
LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class Relay:
    """A relay before the server at `upstream`, with the bytes and connections that it counts."""

    upstream: tuple[str, int]
    terms: Terms
    address: tuple[str, int] = (LOOPBACK, 0)
    connections: int = 0
    down: Line = field(init=False)
    up: Line = field(init=False)
    _open: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self.down, self.up = Line(self.terms.bits), Line(self.terms.bits)

    @property
    def url(self) -> str:
        """Its address for HTTP."""
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def passed(self) -> int:
        """How many bytes it has passed on, in both directions."""
        return self.down.passed + self.up.passed

    async def start(self) -> None:
        """Listen, on any free port unless `address` has one."""
        listening = socket.create_server(self.address)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self.address = listening.getsockname()
        self._server = await asyncio.start_server(self._take, sock=listening, limit=CHUNK)

    async def close(self) -> None:
        """Listen no more, and drop what is open."""
        if self._server is not None:
            self._server.close()
        for task in (left := list(self._open)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        both = [writer]
        with suppress(OSError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(self.terms.cut_s):
                back, on = await self._connect()
                both.append(on)
                await Connection(self.terms, self.up, self.down, reader, writer, back, on).run()
                for each in both:
                    each.close()
                return
        for each in both:
            _cut(each)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        there = socket.socket()
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # before it connects
        there.setblocking(False)
        await asyncio.get_running_loop().sock_connect(there, self.upstream)
        return await asyncio.open_connection(sock=there, limit=CHUNK)


def _cut(writer: asyncio.StreamWriter) -> None:
    """Cut a connection: what it has not delivered yet is lost."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
