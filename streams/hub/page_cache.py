"""Pages of jobs' histories, read once for all who want them and kept for a while.

Pages lie at fixed places (events 1 to 1000, 1001 to 2000 …), so that followers who come back to
different places of one job share their reads. A page being read is shared too; one that failed is
not kept. Where 1000 events are too large for a page, the rest of that place is read from wherever a
follower stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol
from uuid import UUID

import psycopg
from cachetools import FIFOCache, TTLCache

from jobs.log import Cursor, Head, Page
from jobs.log.types import ANSWER_BYTES, MAX_SEQ, PAGE_BYTES
from streams.counters import Counters
from streams.hub.batches import Bounds, PageBatches
from streams.wire import hash_of

# What a reader raises while Postgres is away; everything else is a fault of ours.
AWAY = (psycopg.Error, OSError)
READ_SECONDS = 10.0
KEPT_SECONDS = 60.0
PAGES_AHEAD = 2
MOST_CUTS = 4096
MOST_ENDS = 4096

Key = tuple[UUID, int]  # a job, and the seq after which a page begins


class Reader(Protocol):
    """What is used of `jobs.log.AsyncReader`. Each read raises one of AWAY without Postgres."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def read(
        self, job_id: UUID, after: int, limit: int, most_bytes: int = PAGE_BYTES
    ) -> Page: ...
    async def heads(self, job_ids: Iterable[UUID]) -> dict[UUID, Head]: ...
    async def check_cursor(self, job_id: UUID, cursor: Cursor) -> Head: ...


class PageCache:
    """The pages in memory, and those on their way."""

    def __init__(self, reader: Reader, counters: Counters, bounds: Bounds) -> None:
        self._reader = reader
        self._counters = counters
        self._bounds = bounds
        self._kept: TTLCache[Key, PageBatches] = TTLCache(
            bounds.pages_bytes, KEPT_SECONDS, _loop_time, getsizeof=lambda page: page.bytes
        )
        self._reading: dict[Key, asyncio.Task[PageBatches]] = {}
        self._cuts: FIFOCache[Key, int] = FIFOCache(MOST_CUTS)  # where large pages end
        self._ends: FIFOCache[UUID, tuple[int, str]] = FIFOCache(MOST_ENDS)

    def page(self, job: UUID, seq: int) -> asyncio.Future[PageBatches]:
        """Return the page that has the event after `seq`, or will have it, as a shared future.

        Do not cancel it; wait with `asyncio.wait`. A page at the head may end at `seq`, and one
        that turns out to be too large before it: ask again. Fails as the reader does (psycopg.Error
        while Postgres is away).
        """
        key = self._page_place(job, seq)
        reading = self._reading.get(key)
        kept = self._kept.get(key)
        if reading is None and kept is not None and kept.last > seq:
            self._kept[key] = kept  # from now on for another minute
            self._counters.add("page_hits")
            done: asyncio.Future[PageBatches] = asyncio.get_running_loop().create_future()
            done.set_result(kept)
            return done
        if reading is None:
            return self._start_read(key)
        self._counters.add("page_hits")
        return reading

    async def read_once(self, job: UUID, seq: int, limit: int) -> Page:
        """Return a small page after `seq`, which is not kept: for a reader of a whole log."""
        self._counters.add("page_reads")
        async with asyncio.timeout(READ_SECONDS):
            return await self._reader.read(job, seq, limit, ANSWER_BYTES)

    def ahead(self, job: UUID, seq: int, end: int) -> None:
        """Begin to read what comes after `seq`, before `end`: it will be wanted next.

        Two pages, so that Postgres makes one while another is on its way or being sent; but one
        where pages are short, which have large events.
        """
        events = self._bounds.page_events
        for place in range(seq, end, events)[: 1 if seq % events else PAGES_AHEAD]:
            key = self._page_place(job, place)
            if key not in self._reading and key not in self._kept:
                self._start_read(key).add_done_callback(_passed_over)

    def end(self, job: UUID) -> int:
        """Return the seq of the newest event that a page has brought, 0 for none."""
        return self._ends.get(job, (0, ""))[0]

    def agrees(self, job: UUID, head: Head) -> bool:
        """Return whether the newest event that was read can be of the history with this head."""
        seq, known = self._ends.get(job, (0, ""))
        return seq != head.seq or known in ("", head.hash)

    def drop(self, job: UUID) -> None:
        """Forget a job's pages, those too that are on their way."""
        self._ends.pop(job, None)
        for key in [key for key in self._kept if key[0] == job]:
            self._kept.pop(key, None)
        for key in [key for key in self._reading if key[0] == job]:
            del self._reading[key]
        for key in [key for key in self._cuts if key[0] == job]:
            del self._cuts[key]

    def _start_read(self, key: Key) -> asyncio.Task[PageBatches]:
        self._counters.add("page_reads")
        reading = self._reading[key] = asyncio.create_task(self._read_page(key))
        return reading

    def _page_place(self, job: UUID, seq: int) -> Key:
        start = seq - seq % self._bounds.page_events
        end = self._cuts.get((job, start), MAX_SEQ)
        return (job, start if seq < end else seq)

    async def _read_page(self, key: Key) -> PageBatches:
        job, after = key
        events = self._bounds.page_events
        wanted = False
        try:
            async with asyncio.timeout(READ_SECONDS):
                page = await self._reader.read(job, after, events - after % events)
        finally:
            if self._reading.get(key) is asyncio.current_task():
                wanted = True
                del self._reading[key]
        stretch = PageBatches(page, self._bounds)
        if wanted:  # else it was dropped on its way
            if page.cut:
                self._note_cut(key, page.last)
            self._note_end(job, page)
            with suppress(ValueError):  # one that is too large for the cache
                self._kept[key] = stretch
        return stretch

    def _note_end(self, job: UUID, page: Page) -> None:
        if page.last > max(page.after, self.end(job)):
            self._ends[job] = page.last, hash_of(page.lines)

    def _note_cut(self, key: Key, end: int) -> None:
        if key[1] % self._bounds.page_events == 0:
            self._cuts[key] = end

    def forget(self) -> None:
        """Let go of the pages that nobody has wanted for a minute."""
        self._kept.expire()


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _passed_over(reading: asyncio.Future[PageBatches]) -> None:
    """Take note of a failure that nobody may have waited for: who wants the page reads it again."""
    if not reading.cancelled():
        reading.exception()
