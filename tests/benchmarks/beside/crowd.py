"""Many cheap followers in one process: `python -m tests.benchmarks.beside.crowd` reads a `Plan`.

They write their request, look at what comes for marks (`marks`) and little else. Standard input
has the plan as one line of JSON; the process says `ready` once each follower has seen what makes it
ready. At the end of its standard input, or once each has had what it expects, it writes what it saw
into the plan's file and says `done`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop
import zstandard

from tests.benchmarks.beside.inflating import Inflating
from tests.benchmarks.beside.marks import MARK, begun, split

AT_ONCE = 100
READY, DONE = "ready", "done"
# Servers cut who is silent for long; one that hears anything asks for no pong.
ALIVE, ALIVE_SECONDS = b"\x8a\x80\x00\x00\x00\x00", 10.0
NEXT = re.compile(rb'"next":"([^"]+)"')
FLOW = re.compile(rb"HMSG \S+ \S+ (\S+) \d+ \d+\r\nNATS/1\.0 100 FlowControl Request")


@dataclass(frozen=True, slots=True)
class Plan:
    """Who connects where, says what first, and when all is done.

    `ready`: the bytes that make a follower ready ("" for: once connected). `stamped`: note when
    each event came; else only count. `expected` events a follower, 0 for: no end. `spread`: the
    followers come within so many seconds, else a hundred at a time. `style`: `plain`, `poll` (ask
    again with the answer's `next`), `nats` (answer its flow control), `inflating` (read what is
    compressed) or `stuck` (read nothing).
    """

    port: int
    requests: list[str]
    ready: str
    file: str
    stamped: bool = False
    expected: int = 0
    spread: float = 0.0
    style: str = "plain"


@dataclass(slots=True)
class Seen:
    """What a crowd saw: events as they came; by follower, seconds to ready and counts.

    While it looks on it must not be in the servers' way: digits become numbers afterwards.
    """

    digits: list[bytes] = field(default_factory=list)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    ready: dict[int, float] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    size: int = 0  # in bytes
    arrived: int = 0  # bytes, since all were ready

    def add(self, digits: list[bytes], now: float) -> None:
        """Note the events that came at this moment."""
        self.digits += digits
        self.arrivals.append((now, len(digits)))

    def write(self, file: Path) -> None:
        """Write it as JSON: `numbers` and `times` are as long as there were events."""
        seen = {
            "numbers": [int(digits) for digits in self.digits],
            "times": [moment for moment, count in self.arrivals for _ in range(count)],
            "ready": list(self.ready.values()),
            "counts": list(self.counts.values()),
            "lost": self.lost,
            "bytes": self.size,
            "arrived": self.arrived,
        }
        file.write_text(json.dumps(seen))


class Crowd:
    """All followers of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seen = Seen()
        self.all_ready = asyncio.Event()
        self.all_done = asyncio.Event()
        self._followers: list[Follower] = []
        self._done = 0

    async def come(self) -> None:
        """Connect everybody."""
        room, count = asyncio.Semaphore(AT_ONCE), len(self.plan.requests)

        async def one(number: int, request: str) -> None:
            if self.plan.spread:
                await asyncio.sleep(self.plan.spread * number / count)
                await self._connect(number, request)
            else:
                async with room:
                    await (await self._connect(number, request)).is_ready.wait()

        await asyncio.gather(*(one(*each) for each in enumerate(self.plan.requests)))
        await self.all_ready.wait()

    async def stay(self) -> None:
        """Say again and again on each WebSocket that somebody is there."""
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            for follower in self._followers:
                if b"Upgrade: websocket" in follower.request:
                    follower.transport.write(ALIVE)

    async def _connect(self, number: int, request: str) -> Follower:
        loop = asyncio.get_running_loop()
        kind = STYLES[self.plan.style]
        _, follower = await loop.create_connection(
            lambda: kind(self, number, request.encode()), "127.0.0.1", self.plan.port
        )
        self._followers.append(follower)
        return follower

    def ready(self, number: int, seconds: float) -> None:
        """Note that a follower is ready."""
        self.seen.ready[number] = seconds
        if len(self.seen.ready) == len(self.plan.requests):
            self.all_ready.set()

    def done(self) -> None:
        """Note that a follower has all that it expects."""
        self._done += 1
        if self._done == len(self.plan.requests):
            self.all_done.set()


class Follower(asyncio.Protocol):
    """One connection; counts or stamps the events in whatever comes."""

    def __init__(self, crowd: Crowd, number: int, request: bytes) -> None:
        self.crowd, self.number, self.request = crowd, number, request
        self.is_ready = asyncio.Event()
        self.began = time.monotonic()
        self.count = 0
        self._wanted = crowd.plan.ready.encode()
        self._kept = self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)
        if not self._wanted:
            self.note_ready()

    def data_received(self, data: bytes) -> None:
        self.crowd.seen.size += len(data)
        now = time.monotonic()
        if self.crowd.all_ready.is_set():
            self.crowd.seen.arrived += len(data)
        data = self._kept + self.plain(data)
        if self.crowd.plan.stamped:
            digits, self._kept = split(data)
            self.crowd.seen.add(digits, now)
            self._add(len(digits))
        else:
            self._add(data.count(MARK))
            self._kept = begun(data)
        if not self.is_ready.is_set():
            if self._wanted in self._tail + data:
                self.note_ready()
            self._tail = data[-200:]

    def plain(self, data: bytes) -> bytes:
        """Return what came as it was before it was compressed."""
        return data

    def note_ready(self) -> None:
        """Say that this follower is where it has to be before anything is measured."""
        self.is_ready.set()
        self.crowd.ready(self.number, time.monotonic() - self.began)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.seen.lost += 1
        if not self.is_ready.is_set():
            print(f"follower {self.number} was cut: {self._tail!r}", file=sys.stderr)
            os._exit(1)

    def _add(self, count: int) -> None:
        expected = self.crowd.plan.expected
        before, self.count = self.count, self.count + count
        self.crowd.seen.counts[self.number] = self.count
        if expected and before < expected <= self.count:
            self.crowd.done()


class Poller(Follower):
    """Asks again from where the last answer ended; ready when an answer has no events."""

    _body = b""

    def data_received(self, data: bytes) -> None:
        self._body += data
        head, _, body = self._body.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if length is None or len(body) < int(length[1]):
            return
        found, self._body = body.count(MARK), b""
        self._add(found)
        if b'"end":true' in body[-300:] or b'"events":[]' in body[:200]:
            self.note_ready()
            return
        after = NEXT.findall(body[-400:])[-1]
        self.transport.write(re.sub(rb"after=[^& ]+", b"after=" + after, self.request))


class NatsConsumer(Follower):
    """Answers what a push consumer's flow control asks; ready when all expected has come."""

    _asked = b""

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"PING"):
            self.transport.write(b"PONG\r\n")
        looked = self._asked + data
        end = 0
        for asked in FLOW.finditer(looked):
            self.transport.write(b"PUB " + asked[1] + b" 0\r\n\r\n")
            end = asked.end()
        self._asked = looked[max(end, len(looked) - 256) :]
        super().data_received(data)
        if not self.is_ready.is_set() and self.count >= self.crowd.plan.expected:
            self.note_ready()


class PageReader(Follower):
    """Unpacks a log that comes as zstd frames in HTTP's chunks, and splits it into events.

    Ready when all expected are there. An event counts if it is whole.
    """

    _headed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._unpacker = zstandard.ZstdDecompressor()
        self._frame = self._unpacker.decompressobj()
        self._line = b""
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.crowd.seen.size += len(data)
        self._kept += data
        if not self._headed:
            head, found, self._kept = self._kept.partition(b"\r\n\r\n")
            if not found:
                self._kept = head
                return
            self._headed = True
        while (end := self._kept.find(b"\r\n")) > 0:
            size = int(self._kept[:end], 16)
            if len(self._kept) < end + 2 + size + 2:
                return
            chunk, self._kept = self._kept[end + 2 : end + 2 + size], self._kept[end + 4 + size :]
            self._unpack(chunk)
        if not self.is_ready.is_set() and self.count >= self.crowd.plan.expected:
            self.note_ready()

    def _unpack(self, data: bytes) -> None:
        while data:
            text = self._line + self._frame.decompress(data)
            *lines, self._line = text.split(b"\n")
            self._add(len(lines))
            data = b""
            if self._frame.eof:
                data, self._frame = self._frame.unused_data, self._unpacker.decompressobj()


class InflatingFollower(Follower):
    """Reads what the server has compressed."""

    def __init__(self, crowd: Crowd, number: int, request: bytes) -> None:
        super().__init__(crowd, number, request)
        self.plain = Inflating().feed  # type: ignore[method-assign]


class Stuck(Follower):
    """Says what it wants and then takes nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()


STYLES: dict[str, type[Follower]] = {
    "plain": Follower,
    "poll": Poller,
    "nats": NatsConsumer,
    "pages": PageReader,
    "inflating": InflatingFollower,
    "stuck": Stuck,
}


async def main() -> None:
    """Follow until told to stop, or done."""
    loop = asyncio.get_running_loop()
    crowd = Crowd(Plan(**json.loads(sys.stdin.readline())))
    staying = asyncio.create_task(crowd.stay())
    await crowd.come()
    print(json.dumps(READY), flush=True)
    told = asyncio.ensure_future(loop.run_in_executor(None, sys.stdin.read))
    done = asyncio.ensure_future(crowd.all_done.wait())
    await asyncio.wait({told, done}, return_when=asyncio.FIRST_COMPLETED)
    crowd.seen.write(Path(crowd.plan.file))
    print(json.dumps(DONE), flush=True)
    await told
    staying.cancel()


if __name__ == "__main__":
    uvloop.run(main())
