"""A relay between a client and a server, which cuts connections when it is told to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 4096


@dataclass
class Relay:
    """Passes bytes on; cuts its first `cuts` connections, each after so many bytes of answer."""

    upstream: int
    chance: random.Random
    cuts: int
    most: int = 300_000
    port: int = 0
    made: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Its address for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        left = self.chance.randrange(self.most) if self.made <= self.cuts else None
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
        up = asyncio.create_task(_pump(reader, back, None))
        self._tasks.add(up)
        up.add_done_callback(self._tasks.discard)
        try:
            await _pump(there, writer, left)
        finally:
            up.cancel()
            for each in (writer, back):
                each.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None
) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            if left is not None:
                chunk, left = chunk[:left], max(0, left - len(chunk))
            writer.write(chunk)
            await writer.drain()
            if left == 0:
                return


@asynccontextmanager
async def relaying(upstream: int, seed: int, cuts: int) -> AsyncIterator[Relay]:
    """Run a relay before the server on a port of this machine."""
    relay = Relay(upstream, random.Random(seed), cuts)
    server = await asyncio.start_server(relay._take, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
