"""A command's output on its way to the step: to the streams' ends, or shortly after its exit."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Mapping
from typing import Any, Protocol

from jobs.transports.base import Listener

CHUNK = 32 * 1024
# How long after a command's exit its output may stay open: what it has left behind may hold that.
DRAIN_SECONDS = 1.0
# What of it can be on its way then: a pipe, an ssh channel's window, and a buffer before each.
ON_ITS_WAY = 4 * 1024 * 1024
LOOK_SECONDS = 0.05


class Reader(Protocol):
    """The reading end of a command's output."""

    async def read(self, n: int, /) -> bytes:
        """Return up to `n` bytes as soon as there are any; none at the end."""


class Copies:
    """Copies streams to a step until they end; what is no UTF-8 becomes U+FFFD."""

    def __init__(self, step: Listener, streams: Mapping[str, Reader]) -> None:
        self._step = step
        self._taken = 0
        self._busy = set[str]()  # streams of which something is on its way
        self._copying = asyncio.gather(*(self._copy_stream(*one) for one in streams.items()))
        self._copying.add_done_callback(lambda all_: all_.cancelled() or all_.exception())

    async def until(self, exited: asyncio.Future[None]) -> None:
        """Return once the command has exited; raise what copying raises. Output may stay open."""
        either: set[asyncio.Future[Any]] = {exited, self._copying}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not exited.done():
            self._copying.result()
            await asyncio.wait({exited})

    async def drain(self) -> None:
        """Take what is still written, for a moment, and all that has been written by then."""
        await asyncio.wait({self._copying}, timeout=DRAIN_SECONDS)
        before = self._taken
        while not self._copying.done() and self._busy and self._taken - before < ON_ITS_WAY:
            await asyncio.wait({self._copying}, timeout=LOOK_SECONDS)

    async def finish(self) -> None:
        """Hand on the rest, now that the streams are closed."""
        await self.drain()
        if self._copying.done():
            self._copying.result()

    def stop(self) -> None:
        """Copy nothing more."""
        self._copying.cancel()

    async def _copy_stream(self, name: str, stream: Reader) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := await stream.read(CHUNK):
            self._busy.add(name)
            self._taken += len(data)
            if text := decoder.decode(data):
                self._step.output(text, name)
            await self._step.drain()
            self._busy.discard(name)
        if rest := decoder.decode(b"", final=True):
            self._step.output(rest, name)
