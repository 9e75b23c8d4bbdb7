"""A small world for the hub: an event loop whose time only passes when nothing else happens, and
the two far edges in memory, a log that is read and a channel layer that carries hints (or not).
"""

from __future__ import annotations

import asyncio
import selectors
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from itertools import accumulate
from typing import Any, TypeVar
from uuid import UUID

from core.errors import CursorAhead, HistoryDiverged, NotFound
from core.ids import uuid7
from jobs.events import Event, first_hash, make_body, next_hash, with_hash
from jobs.events.fold import TERMINAL
from jobs.log import Cursor, Head, Page, group_name
from jobs.log.types import PAGE_BYTES

T = TypeVar("T")


class _Jump(selectors.SelectSelector):
    """Instead of sleeping, moves the clock to when the next timer is due."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        # A turn of the loop takes a moment too, else a timer that is due a hair early comes again
        # and again at one and the same time.
        self.now += max(timeout or 0, 1e-7)
        return super().select(0 if timeout is not None else None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own: an hour passes in no time."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop with virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class MemoryLog:
    """The log and its async reader: real event texts, kept in lists. `away` makes reads fail.

    A page that comes to `page_bytes` ends there.
    """

    def __init__(self, latency: float = 0.001, page_bytes: int = PAGE_BYTES) -> None:
        self.latency = latency
        self.page_bytes = page_bytes
        self.away = False
        self.reads = 0
        self._texts: dict[UUID, list[str]] = {}
        self._status: dict[UUID, str] = {}
        self._restored = 0
        self.ended: list[tuple[list[str], str]] = []  # what was over when it was restored

    def submit(self) -> UUID:
        job = uuid7()
        self._texts[job], self._status[job] = [], "running"
        return job

    def append(self, job: UUID, count: int = 1, status: str = "running") -> dict[str, Any]:
        """Append events; return the hint of it."""
        texts, first = self._texts[job], len(self._texts[job]) + 1
        for seq in range(first, first + count):
            texts.append(self._next(job, seq))
        self._status[job] = status
        return {
            "type": "log.appended", "job": str(job), "first": first, "last": len(texts),
            "status": status, "lines": "\n".join(texts[first - 1 :]),
        }  # fmt: skip

    def restore(self, job: UUID, seq: int) -> None:
        """Put the log back to where it had `seq` events; what comes then is another history."""
        if self._status[job] in TERMINAL:
            self.ended.append((self.texts(job), self._status[job]))
        del self._texts[job][seq:]
        self._status[job] = "running"
        self._restored += 1

    def texts(self, job: UUID) -> list[str]:
        return list(self._texts[job])

    def status(self, job: UUID) -> str:
        return self._status[job]

    def _next(self, job: UUID, seq: int) -> str:
        texts = self._texts[job]
        before = bytes.fromhex(texts[-1][-66:-2]) if texts else first_hash(job)
        event = Event(
            seq, "step.output", 1, "2026-11-22T09:00:00.000000Z", "worker:w", 1, "restart",
            "gs-007", {"text": "é" * (seq % 7), "stream": "out", "restored": self._restored},
        )  # fmt: skip
        body, raw = make_body(event)
        return with_hash(body, next_hash(before, raw))

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def read(
        self, job_id: UUID, after: int, limit: int, most_bytes: int = PAGE_BYTES
    ) -> Page:
        await self._trip()
        found = self._texts[job_id][after : after + limit]
        sizes = list(accumulate(len(text.encode()) for text in found))
        most = min(most_bytes, self.page_bytes)
        if cut := bool(sizes) and sizes[-1] >= most:
            found = found[: bisect_left(sizes, most) + 1]
        await asyncio.sleep(self.latency)
        return Page(after, after + len(found), "\n".join(found), cut)

    async def heads(self, job_ids: Iterable[UUID]) -> dict[UUID, Head]:
        await self._trip()
        found = {job: self._head(job) for job in job_ids if job in self._texts}
        await asyncio.sleep(self.latency)
        return found

    async def check_cursor(self, job_id: UUID, cursor: Cursor) -> Head:
        await self._trip()
        if job_id not in self._texts:
            raise NotFound
        head = self._head(job_id)
        if cursor.seq > head.seq:
            raise CursorAhead
        if cursor.hash8:
            found = self._texts[job_id][cursor.seq - 1][-66:-2]
            if found[:8] != cursor.hash8:
                raise HistoryDiverged
            head = replace(head, cursor_hash=found)
        await asyncio.sleep(self.latency)
        return head

    def _head(self, job: UUID) -> Head:
        texts = self._texts[job]
        return Head(len(texts), texts[-1][-66:-2] if texts else "", self._status[job])

    async def _trip(self) -> None:
        self.reads += 1
        await asyncio.sleep(self.latency)
        if self.away:
            raise OSError("the log cannot be read")


class MemoryLayer:
    """A channel layer in one process. `gone` makes calls fail, `frozen` makes them hang."""

    def __init__(self, latency: float = 0.0005) -> None:
        self.latency = latency
        self.gone = False
        self.frozen = False
        self.groups: dict[str, set[str]] = defaultdict(set)
        self._queues: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._names = 0

    def hint(self, job: UUID, message: dict[str, Any]) -> None:
        """Deliver a hint to the job's group, where the layer delivers at all."""
        if not (self.gone or self.frozen):
            for channel in self.groups[group_name(job)]:
                self._put(channel, message)

    def _put(self, channel: str, message: dict[str, Any]) -> None:
        # A call that was under way during a flush leaves its channel in a group: nobody reads that.
        if channel in self._queues:
            self._queues[channel].put_nowait(message)

    async def new_channel(self) -> str:
        await self._trip()
        self._names += 1
        self._queues[name := f"channel-{self._names}"] = asyncio.Queue()
        return name

    async def group_add(self, group: str, channel: str) -> None:
        await self._trip()
        self.groups[group].add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await self._trip()
        self.groups[group].discard(channel)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._trip()
        self._put(channel, message)

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._queues.setdefault(channel, asyncio.Queue()).get()

    async def flush(self) -> None:
        self.groups.clear()
        self._queues.clear()

    async def _trip(self) -> None:
        await asyncio.sleep(self.latency)
        if self.gone:
            raise ConnectionError("the layer is gone")
        if self.frozen:
            await asyncio.Event().wait()
