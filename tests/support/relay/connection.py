"""What a relay does with one connection, and the bandwidth that all of them share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.support.relay.filters import (
    AnswerFilter,
    CutAfterHello,
    MessageCap,
    StreamStall,
    WebSocketStall,
)

CHUNK = 1448  # a segment's
LARGE_CHUNK = 16 * 1024


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What a relay does to what it passes on; nothing, unless it is told to.

    `bits`: how many a second pass in each direction. `cut_s`: the age at which a connection is
    reset. `cut_bytes`: a stream ends so many bytes after its greeting. `cut_first`: the first
    connections end, each after so many bytes of answers. `most`: a WebSocket message of more bytes
    ends its connection with 1009. `stalls`: nothing passes after the greeting of a WebSocket
    (`sockets`), or of any stream (`streams`). `delay_s`: how long a connection takes to be made,
    and what a client says to arrive.
    """

    bits: float | None = None
    cut_s: float | None = None
    cut_bytes: int | None = None
    cut_first: tuple[int, ...] = ()
    most: int | None = None
    stalls: str = ""
    delay_s: float = 0.0

    def answer_filter(self, request: bytes) -> AnswerFilter | None:
        """Return what changes the answer to a request, None if it passes unchanged."""
        is_socket = b"upgrade: websocket" in request.lower()
        if self.cut_bytes is not None and (is_socket or b"/stream?" in request):
            return CutAfterHello(self.cut_bytes)
        if is_socket:
            return MessageCap(self.most) if self.most else WebSocketStall() if self.stalls else None
        if self.stalls == "streams" and b"/stream?" in request:
            return StreamStall()
        return None


@dataclass(slots=True)
class RateLimit:
    """One direction of a link: lets bytes through at its rate, one chunk after the other."""

    bits: float | None
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

    options: LinkOptions
    up: RateLimit
    down: RateLimit
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    back: asyncio.StreamReader
    on: asyncio.StreamWriter
    filter: AnswerFilter | None = None

    async def run(self) -> None:
        """Pass everything on, until both sides have ended or one of them is gone."""
        up = asyncio.ensure_future(self._pass_requests())
        down = asyncio.ensure_future(self._pass_answers())
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            first, other = (up, down) if up.done() else (down, up)
            if first.exception() is None:
                await other  # who says no more may still listen
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _pass_requests(self) -> None:
        while chunk := await self.reader.read(CHUNK):
            self.filter = self.options.answer_filter(chunk) or self.filter
            await asyncio.sleep(self.options.delay_s)
            await self.up.take(len(chunk))
            self.on.write(chunk)
            await self.on.drain()
        self.on.write_eof()

    async def _pass_answers(self) -> None:
        self.writer.transport.set_write_buffer_limits(high=0)
        size = CHUNK if self.down.bits else LARGE_CHUNK
        while chunk := await self.back.read(size):
            filtering = self.filter
            passed = filtering.feed(chunk) if filtering else chunk
            await self.down.take(len(passed))
            self.writer.write(passed)
            await self.writer.drain()
            if filtering and filtering.ends:
                break
            if filtering and filtering.stopped:
                await asyncio.Event().wait()
        self.writer.write_eof()
