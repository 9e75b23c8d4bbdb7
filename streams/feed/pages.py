"""Pages of the feed's past, at fixed places, read once for all who want them at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol

from cachetools import LRUCache

from jobs.feed.summaries import SummaryPage
from streams.counters import Counters

READ_SECONDS = 10.0
KEPT_PAGES = 8


class Reads(Protocol):
    """What reads a page: `jobs.feed.summaries.AsyncSummaries`."""

    async def page(self, after: int, limit: int) -> SummaryPage: ...


class Pages:
    """The pages on their way, and those last read that are full.

    A page that is kept may say of a job what has changed since; but then the job has moved on to a
    later place, and who goes on gets there.
    """

    def __init__(self, reads: Reads, counters: Counters, positions: int) -> None:
        self._reads = reads
        self._counters = counters
        self._positions = positions
        self._kept: LRUCache[int, SummaryPage] = LRUCache(KEPT_PAGES)
        self._reading: dict[int, asyncio.Task[SummaryPage]] = {}

    def page(self, position: int) -> asyncio.Future[SummaryPage]:
        """Return the page that has what comes after `position`, as a shared future.

        Do not cancel it; wait with `asyncio.wait`. Fails as the reader does.
        """
        number = position // self._positions
        if kept := self._kept.get(number):
            done: asyncio.Future[SummaryPage] = asyncio.get_running_loop().create_future()
            done.set_result(kept)
            return done
        reading = self._reading.get(number)
        if reading is None:
            self._counters.add("feed_reads", "page")
            reading = self._reading[number] = asyncio.create_task(self._read_page(number))
        return reading

    async def _read_page(self, number: int) -> SummaryPage:
        try:
            async with asyncio.timeout(READ_SECONDS):
                page = await self._reads.page(number * self._positions, self._positions)
        finally:
            del self._reading[number]
        if page.last == page.after + self._positions:
            self._kept[number] = page
        return page
