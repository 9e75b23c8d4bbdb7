"""The relay itself: it listens, and connects each client to the server behind it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.relay.connection import CHUNK, Connection, LinkOptions, RateLimit
from tests.support.relay.filters import CutAfterBytes

BUFFER = 4096  # the least that Linux gives is a little more
RESET = struct.pack("ii", 1, 0)
LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class Relay:
    """A relay before the server at `upstream`, with the bytes and connections that it counts.

    All connections share its bandwidth. It buffers little: what the server has sent and the link
    has not taken waits in the server's own buffers, as before a real link. `buffer` None: the
    kernel's own buffers, for links that are not slow.
    """

    upstream: tuple[str, int]
    options: LinkOptions
    address: tuple[str, int] = (LOOPBACK, 0)
    buffer: int | None = BUFFER
    connections: int = 0
    down: RateLimit = field(init=False)
    up: RateLimit = field(init=False)
    _open: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self.down, self.up = RateLimit(self.options.bits), RateLimit(self.options.bits)

    @property
    def url(self) -> str:
        """Its address for HTTP."""
        return f"http://{self.address[0]}:{self.port}"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.address[1]

    async def start(self) -> None:
        """Listen, on any free port unless `address` has one."""
        listening = socket.create_server(self.address)
        if self.buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer)
        self.address = listening.getsockname()
        self._server = await asyncio.start_server(self._accept, sock=listening, limit=CHUNK)

    async def close(self) -> None:
        """Listen no more, and drop what is open."""
        if self._server is not None:
            self._server.close()
        for task in (left := list(self._open)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        first = self.options.cut_first[self.connections - 1 : self.connections]
        both = [writer]
        with suppress(OSError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(self.options.cut_s):
                back, on = await self._connect()
                both.append(on)
                made = Connection(self.options, self.up, self.down, reader, writer, back, on)
                made.filter = CutAfterBytes(first[0]) if first else None
                await made.run()
                for each in both:
                    each.close()
                return
        for each in both:
            _reset(each)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        there = socket.socket()
        if self.buffer is not None:  # before it connects
            there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        there.setblocking(False)
        await asyncio.sleep(self.options.delay_s)
        await asyncio.get_running_loop().sock_connect(there, self.upstream)
        return await asyncio.open_connection(sock=there, limit=CHUNK)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection: what it has not delivered yet is lost."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@asynccontextmanager
async def relayed(port: int, options: LinkOptions) -> AsyncIterator[Relay]:
    """Run a relay before the server on a port of this machine."""
    relay = Relay((LOOPBACK, port), options, buffer=BUFFER if options.bits else None)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.close()
