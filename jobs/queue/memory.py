"""An engine in this process's memory: for tests, and the smallest example of the port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from uuid import UUID

from django.db import connection, transaction

from core import clock
from jobs.queue.port import Receiver


@dataclass(order=True, slots=True)
class _Delivery:
    order: tuple[int, int]
    job: UUID = field(compare=False)
    at: datetime | None = field(compare=False)


class Memory:
    """Ids in a heap. What is in it dies with the process, as with any queue without a disk.

    `deliver` may be called from any thread, `serve` on any event loop. `now` is what it calls the
    time by.
    """

    def __init__(self, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._heap: list[_Delivery] = []
        self._queued: set[UUID] = set()
        self._count = 0
        self._servers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def deliver(self, job_id: UUID, at: datetime | None = None, priority: int = 0) -> None:
        """Queue an id once the caller's transaction has committed."""
        if connection.in_atomic_block:
            transaction.on_commit(lambda: self._add_due(job_id, at, priority))
        else:
            self._add_due(job_id, at, priority)

    async def serve(self, receive: Receiver, name: str, capacity: int) -> None:
        """Hand ids over as they come and fall due."""
        server = (asyncio.get_running_loop(), asyncio.Event())
        room = asyncio.Semaphore(capacity)
        async with asyncio.TaskGroup() as tasks:
            with self._lock:
                self._servers.append(server)
            try:
                while True:
                    await room.acquire()
                    task = tasks.create_task(_hand_over(receive, await self._next_due(server[1])))
                    task.add_done_callback(lambda _: room.release())
            finally:
                with self._lock:
                    self._servers.remove(server)

    def forget_dead_deliveries(self) -> int:
        """Return 0: the dead take what they held with them."""
        return 0

    def take(self) -> UUID | None:
        """Take the first id that is due; None if there is none."""
        with self._lock:
            now = self._now()
            due = [one for one in self._heap if one.at is None or one.at <= now]
            if not due:
                return None
            first = min(due)
            if first is self._heap[0]:
                heappop(self._heap)
            else:
                self._heap.remove(first)
                heapify(self._heap)
            self._queued.discard(first.job)
            return first.job

    def _add_due(self, job_id: UUID, at: datetime | None, priority: int) -> None:
        with self._lock:
            if job_id in self._queued:
                return
            self._count += 1
            self._queued.add(job_id)
            heappush(self._heap, _Delivery((-priority, self._count), job_id, at))
            servers = list(self._servers)
        for loop, news in servers:
            loop.call_soon_threadsafe(news.set)

    async def _next_due(self, news: asyncio.Event) -> UUID:
        while True:
            news.clear()
            if (job := self.take()) is not None:
                return job
            try:
                async with asyncio.timeout(self._until_due()):
                    await news.wait()
            except TimeoutError:
                continue

    def _until_due(self) -> float | None:
        """Return the seconds until the next queued id is due; None if none is queued."""
        with self._lock:
            moments = [one.at for one in self._heap if one.at is not None]
        return max(0.0, (min(moments) - self._now()).total_seconds()) if moments else None


async def _hand_over(receive: Receiver, job: UUID) -> None:
    await receive(job)
