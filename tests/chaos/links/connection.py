"""What a relay does with one connection, and with the line that all of them share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.chaos.links.frames import Capped, Greeted, GreetedStream, Reader

CHUNK = 1448  # a segment's


@dataclass(frozen=True, slots=True)
class Terms:
    """What a relay does to what it passes on; nothing, unless it is told to.

    `bits`: how many a second pass in each direction. `cut_s`: how old a connection gets. `most`: a
    WebSocket message of more bytes ends its connection with 1009. `stalls`: nothing passes after
    the greeting of a WebSocket (`sockets`), or of any stream (`streams`).
    """

    bits: int | None = None
    cut_s: float | None = None
    most: int | None = None
    stalls: str = ""

    def reader(self, request: bytes) -> Reader | None:
        """Return what is to look at the answer to a request, None if all of it passes."""
        if b"upgrade: websocket" in request.lower():
            return Capped(self.most) if self.most else Greeted() if self.stalls else None
        if self.stalls == "streams" and b"/stream?" in request:
            return GreetedStream()
        return None


@dataclass(slots=True)
class Line:
    """One direction of a line: lets bytes through at its rate, one chunk after the other."""

    bits: int | None
    passed: int = 0
    _free_at: float = 0.0

    async def take(self, count: int) -> None:
        """Wait until so many bytes have gone over it."""
        self.passed += count
        if self.bits:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + count * 8 / self.bits
            await asyncio.sleep(self._free_at - now)


@dataclass(slots=True)
class Connection:
    """One connection through a relay: from the client to the server, and back."""

    terms: Terms
    up: Line
    down: Line
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    back: asyncio.StreamReader
    on: asyncio.StreamWriter
    looking: Reader | None = None

    async def run(self) -> None:
        """Pass everything on, until both sides have ended or one of them is gone."""
        up = asyncio.ensure_future(self._requests())
        down = asyncio.ensure_future(self._answers())
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            first, other = (up, down) if up.done() else (down, up)
            if first.exception() is None:
                await other  # who says no more may still listen
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _requests(self) -> None:
        while chunk := await self.reader.read(CHUNK):
            self.looking = self.terms.reader(chunk) or self.looking
            await self.up.take(len(chunk))
            self.on.write(chunk)
            await self.on.drain()
        self.on.write_eof()

    async def _answers(self) -> None:
        self.writer.transport.set_write_buffer_limits(high=0)
        while chunk := await self.back.read(CHUNK):
            looking = self.looking
            passed = looking.feed(chunk) if looking else chunk
            await self.down.take(len(passed))
            self.writer.write(passed)
            await self.writer.drain()
            if looking and looking.ends:
                break
            if looking and looking.stopped:
                await asyncio.Event().wait()
        self.writer.write_eof()
