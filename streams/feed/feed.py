"""The feed as one process knows it: read once for all who follow it, and only while somebody does.

A hint says that the feed has moved; without one it is asked once a second all the same. Either way
the same page is read, so that a hint which is lost, doubled, late or wrong changes only when.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol
from uuid import UUID

from cachetools import LRUCache

from core.errors import CursorAhead, Unavailable
from jobs.feed.summaries import SummaryPage
from streams.counters import Counters
from streams.feed.recent import FEED_BOUNDS, FeedBounds, Recent
from streams.hub.followed import Signal
from streams.hub.listener import Message
from streams.hub.page_cache import AWAY

READ_SECONDS = 10.0
KEPT_PAGES = 8

logger = logging.getLogger(__name__)


class Reads(Protocol):
    """What reads the feed: `jobs.feed.summaries.AsyncSummaries`."""

    async def page(self, after: int, limit: int, known: Mapping[UUID, int]) -> SummaryPage: ...
    async def end(self) -> int: ...


class Unfed:
    """The newest heads that rows had before the feed did: a history without them is another."""

    def __init__(self) -> None:
        self.heads: dict[UUID, int] = {}

    def take(self, page: SummaryPage) -> None:
        """Add the heads that a page has, and drop those that the feed has come to."""
        for job, head in page.fed.items():
            if self.heads.get(job) == head:
                del self.heads[job]
        for job, head in page.unfed.items():
            self.heads[job] = max(head, self.heads.get(job, 0))


class Pages:
    """Pages of the feed's past, at fixed places, read once for all who want them at a time.

    Kept are those on their way, and those last read that are full.

    A page that is kept may say of a job what has changed since; but then the job has moved on to a
    later place, and who goes on gets there.
    """

    def __init__(self, reads: Reads, counters: Counters, positions: int) -> None:
        self.unfed = Unfed()
        self._reads = reads
        self._counters = counters
        self._positions = positions
        self._kept: LRUCache[int, asyncio.Task[SummaryPage]] = LRUCache(KEPT_PAGES)
        self._reading: dict[int, asyncio.Task[SummaryPage]] = {}

    def page(self, position: int) -> asyncio.Future[SummaryPage]:
        """Return the page that has what comes after `position`, as a shared future.

        Do not cancel it; wait with `asyncio.wait`. Fails as the reader does.
        """
        number = position // self._positions
        reading = self._kept.get(number) or self._reading.get(number)
        if reading is None:
            self._counters.add("feed_reads", "page")
            reading = self._reading[number] = asyncio.create_task(self._read_page(number))
        return reading

    async def _read_page(self, number: int) -> SummaryPage:
        try:
            async with asyncio.timeout(READ_SECONDS):
                page = await self._reads.page(number * self._positions, self._positions, {})
        finally:
            reading = self._reading.pop(number)
        self.unfed.take(page)
        if page.last == page.after + self._positions:
            self._kept[number] = reading
        return page


class Feed:
    """Use `check`, then `follow`. The hub hands it hints and keeps `run` going."""

    def __init__(
        self,
        reads: Reads,
        counters: Counters,
        *,
        poll_seconds: float = 1.0,
        bounds: FeedBounds = FEED_BOUNDS,
    ) -> None:
        self.counters = counters
        self.changed = Signal()
        self.bounds = bounds
        self.recent = Recent(0, bounds)
        self.pages = Pages(reads, counters, bounds.page_positions)
        self._reads = reads
        self._poll_seconds = poll_seconds
        self.generation = 0  # how often the feed went back; followers of another one are told
        self._end = 0
        self._followers = 0
        self._wanted = asyncio.Event()
        self._due = asyncio.Event()

    async def check(self, position: int) -> int:
        """Return where the feed ends now, to follow it from `position`.

        Raises CursorAhead, and Unavailable without Postgres.
        """
        known = self._end
        try:
            async with asyncio.timeout(READ_SECONDS):
                end = await self._reads.end()
        except AWAY as error:
            self.counters.add("read_failures", "check")
            raise Unavailable from error
        self._note_end(known, end)
        if position > end:
            raise CursorAhead(
                f"The position {position} is beyond the feed's end, {end}: start again from 0.",
                head=end,
            )
        return end

    @contextmanager
    def follow(self, end: int) -> Iterator[None]:
        """Have the feed read on for as long as the context lasts; `end` was read just before."""
        near = end - self.bounds.page_positions
        if not self._followers and self.recent.last < near:
            # Nobody looked for long: begin anew, near the end. Who is further back reads pages.
            self.recent = Recent(near, self.bounds)
        self._followers += 1
        self._wanted.set()
        if end > self.recent.last:
            self._due.set()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._wanted.clear()

    def hear(self, message: Message) -> None:
        """Take in a hint; ValueError and the like if it is not one."""
        if int(message["position"]) > self.recent.last:
            self._due.set()

    async def run(self) -> None:
        """Read on whenever something is due, and once a second."""
        while True:
            await self._wanted.wait()
            reason = "poll"
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._due.wait()
                reason = "hint"
            # Before the read: what becomes due during it is read again.
            self._due.clear()
            try:
                await self._read_on(reason)
            except AWAY:
                self.counters.add("read_failures", "feed")

    async def _read_on(self, reason: str) -> None:
        while True:
            recent, known = self.recent, self._end
            self.counters.add("feed_reads", reason)
            unfed = self.pages.unfed
            heads = dict(unfed.heads)
            async with asyncio.timeout(READ_SECONDS):
                page = await self._reads.page(recent.last, self.bounds.page_positions, heads)
            if recent is not self.recent or self._note_end(known, page.end):
                return
            if page.lost or not recent.agrees(page):
                return self._begin_again(page.end)
            unfed.take(page)
            if page.last > page.after:
                recent.extend(page)
                self.changed.fire()
            if page.last < page.after + self.bounds.page_positions:
                return

    def _note_end(self, known: int, end: int) -> bool:
        """Take in an end, read after `known` was it; return whether the feed went back to it."""
        if end < min(known, self._end):
            self._begin_again(end)
            return True
        self._end = max(self._end, end)
        return False

    def _begin_again(self, end: int) -> None:
        """Forget a feed that is no more, and have its followers start again."""
        logger.warning(
            "the feed is another than before, its followers start again",
            extra={"action": "feed_went_back"},
        )
        self.counters.add("histories_dropped", "feed")
        self.generation += 1
        self._end = end
        self.recent = Recent(max(end - 1, 0), self.bounds)  # the next read says what is at its end
        self.pages = Pages(self._reads, self.counters, self.bounds.page_positions)
        self.changed.fire()
