"""A relay that means ill in one way: what real proxies and links do that nobody has at hand.

`through(upstream, way)` runs one before a server on a port of this machine. A way is made anew for
each connection: it is shown the request's first line and what the server answers, and says what of
that goes on.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from tests.support.relaying import Tasks

CHUNK = 4096
# The whole frame, and the empty line after it in an event stream.
GREETING_BYTES = 256
GREETING = re.compile(rb'"kind":"hello"[^}]*}(\n\n)?')
CLOSE_1009 = b"\x88\x02" + struct.pack("!H", 1009)


class Cut(Exception):
    """The connection ends here, after these bytes."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__()
        self.last = last


class Way:
    """What becomes of one connection: here, all goes on at once."""

    def pass_on(self, chunk: bytes) -> bytes:
        """Return what of all that came so far and has not gone on goes on now. Raises Cut."""
        return chunk


@dataclass
class EndsLargeMessages(Way):
    """Ends a WebSocket at a message over so many bytes, with close code 1009."""

    most: int = 64 * 1024
    _rest: bytes = b""
    _upgraded: bool = False

    def pass_on(self, chunk: bytes) -> bytes:
        self._rest += chunk
        passed = b""
        if not self._upgraded:
            head, ends, self._rest = self._rest.partition(b"\r\n\r\n")
            if not ends:
                self._rest = head
                return b""
            self._upgraded, passed = True, head + ends
        while size := _frame_size(self._rest):
            if size > self.most:
                raise Cut(passed + CLOSE_1009)
            if len(self._rest) < size:
                break
            passed, self._rest = passed + self._rest[:size], self._rest[size:]
        return passed


@dataclass
class Stalls(Way):
    """Passes on what comes up to the greeting, and then nothing."""

    _seen: bytes = b""
    _done: bool = False

    def pass_on(self, chunk: bytes) -> bytes:
        if self._done:
            return b""
        before, self._seen = len(self._seen), self._seen + chunk
        found = GREETING.search(self._seen)
        if found is None:
            return chunk
        self._done = True
        return self._seen[before : found.end()]


@dataclass
class CutsAfter(Way):
    """Cuts a stream so many bytes after its greeting."""

    left: int
    _seen: bytes = b""
    _greeted: bool = False

    def pass_on(self, chunk: bytes) -> bytes:
        if not self._greeted:
            self._seen = self._seen[-GREETING_BYTES:] + chunk
            self._greeted = GREETING.search(self._seen) is not None
            return chunk
        self.left -= len(chunk)
        if self.left <= 0:
            raise Cut(chunk[: self.left or None])
        return chunk


def _frame_size(data: bytes) -> int:
    """Return how long the WebSocket frame is that this begins with; 0 if that is not seen yet."""
    if len(data) < 2:
        return 0
    length = data[1] & 127
    if length < 126:
        return 2 + length
    width = 2 if length == 126 else 8
    if len(data) < 2 + width:
        return 0
    return 2 + width + int.from_bytes(data[2 : 2 + width], "big")


@dataclass
class Relay:
    """The relay's address and what it has seen: the first line of each connection's first request,
    and how many bytes of answers it has passed on."""

    upstream: int
    way: Callable[[str], Way]
    port: int = 0
    requests: list[str] = field(default_factory=list)
    passed: int = 0
    tasks: Tasks = field(default_factory=Tasks)

    @property
    def url(self) -> str:
        """Its address for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one more connection."""
        self.tasks.start(self._relay(reader, writer))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n")
                self.requests.append(head.decode().strip())
                there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
                back.write(head)
                up = asyncio.create_task(_pass_up(reader, back))
                try:
                    await self._pass_down(there, writer, self.way(self.requests[-1]))
                finally:
                    up.cancel()
        finally:
            for each in (writer, back):
                if each is not None:
                    each.close()

    async def _pass_down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        while chunk := await reader.read(CHUNK):
            try:
                passed, over = way.pass_on(chunk), False
            except Cut as cut:
                passed, over = cut.last, True
            writer.write(passed)
            await writer.drain()
            self.passed += len(passed)
            if over:
                return


async def _pass_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def through(upstream: int, way: Callable[[str], Way]) -> AsyncIterator[Relay]:
    """Run a relay before a server; `way` makes each connection's from its request's first line."""
    relay = Relay(upstream, way)
    server = await asyncio.start_server(relay.take, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.tasks.cancel()


@contextmanager
def through_in_a_thread(upstream: int, way: Callable[[str], Way]) -> Iterator[Relay]:
    """Do the same for a test that has no event loop."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="relay")
    thread.start()

    def done(work: Coroutine[Any, Any, object]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    relaying = through(upstream, way)
    try:
        yield done(relaying.__aenter__())
        done(relaying.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
