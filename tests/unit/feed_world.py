"""A feed in memory for the feed's reader, and followers that keep what they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from core.ids import uuid7
from jobs.access.visible_set import Visibility
from jobs.feed.summaries import Summary, SummaryPage
from streams import wire
from streams.counters import Counters
from streams.feed.feed import Feed
from streams.feed.recent import FeedBounds
from streams.feed.subscription import FeedSubscription


@dataclass
class MemoryJob:
    """A job's row."""

    id: UUID
    owner: int
    team: int | None
    head: int = 0


class MemoryFeed:
    """Rows that move, a feed that follows them, and its reads. `away` makes reads fail."""

    def __init__(self, latency: float = 0.001) -> None:
        self.latency = latency
        self.away = False
        self.reads = 0
        self.jobs: list[MemoryJob] = []
        self.rows: list[tuple[MemoryJob, int]] = []  # position 1 first

    def submit(self, owner: int = 1, team: int | None = None) -> MemoryJob:
        """Return a new job, whose first event the feed does not have yet."""
        job = MemoryJob(uuid7(), owner, team)
        self.jobs.append(job)
        return job

    def sequence(self) -> int:
        """Give positions to all events that have none; return the newest position."""
        for job in self.jobs:
            fed = sum(1 for one, _ in self.rows if one is job)
            self.rows += [(job, seq) for seq in range(fed + 1, job.head + 1)]
        return len(self.rows)

    def move(self, job: MemoryJob, events: int = 1) -> int:
        """Append to a job and to the feed; return the newest position."""
        job.head += events
        return self.sequence()

    async def page(self, after: int, limit: int, known: Mapping[UUID, int]) -> SummaryPage:
        await self._trip()
        rows = self.rows[after : after + limit]
        newest = {job.id: (after + place, job) for place, (job, _) in enumerate(rows, 1)}
        later = {job.id for job, _ in self.rows[after + limit :]}
        found = [
            Summary(position, job.id, job.owner, job.team, _text(position, job))
            for position, job in sorted(newest.values(), key=lambda one: one[0])
            if job.id not in later
        ]
        newest_event = self._at(after + len(rows)) if rows else None
        heads = {job.id: job.head for job in self.jobs}
        feed = {(job.id, seq) for job, seq in self.rows}
        fed = {(job.id, seq) for job, seq in self.rows[: after + limit]}
        page = SummaryPage(
            after, after + len(rows), found, len(self.rows), self._at(after), newest_event,
            unfed={one.job: head for one in found if (one.job, head := heads[one.job]) not in feed},
            fed={job: seq for job, seq in known.items() if (job, seq) in fed},
            lost=any(seq > heads.get(job, 0) for job, seq in known.items()),
        )  # fmt: skip
        await asyncio.sleep(self.latency)
        return page

    def _at(self, position: int) -> str | None:
        if not 0 < position <= len(self.rows):
            return None
        job, seq = self.rows[position - 1]
        return f"{job.id}:{seq}"

    def restore(self, position: int) -> None:
        """Put the feed back to where it ended at `position`, and its jobs to what it has."""
        del self.rows[position:]
        heads = {job.id: seq for job, seq in self.rows}
        self.jobs = [job for job in self.jobs if job.id in heads]
        for job in self.jobs:
            job.head = heads[job.id]

    async def end(self) -> int:
        await self._trip()
        return len(self.rows)

    async def _trip(self) -> None:
        self.reads += 1
        await asyncio.sleep(self.latency)
        if self.away:
            raise OSError("the feed cannot be read")


def _text(position: int, job: MemoryJob) -> str:
    return json.dumps({"position": position, "job": str(job.id), "head": job.head})


ALL = Visibility(everything=True)


class Reader:
    """A follower in the background, as a client is: it keeps a cursor and what it knows of jobs."""

    def __init__(
        self, feed: Feed, sight: Visibility = ALL, position: int = 0, slowness: float = 0
    ) -> None:
        self.start = self.position = position
        self.heads: dict[str, int] = {}
        self.items: list[wire.FeedItem] = []
        self.times: list[float] = []
        self._feed, self._sight, self._slowness = feed, sight, slowness
        self._generation = feed.generation
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self.follow())

    def forget(self) -> None:
        """Begin again from 0, with nothing known."""
        self.start = self.position = 0
        self.heads.clear()

    async def follow(self, items_at_most: int | None = None) -> None:
        """Connect once; leave after so many items.

        A position has no hash, so a client that was away when the feed went back may not be told.
        It begins again by itself, as the jobs page does, which reads the list when it comes back.
        """
        end = await self._feed.check(self.position)
        if self._generation != self._feed.generation:
            self.forget()
        self._generation = self._feed.generation
        subscription = FeedSubscription(self._feed, self._sight, self.position, end)
        self.items, self.times = [], []
        async with aclosing(subscription.items()) as items:
            async for item in items:
                await asyncio.sleep(self._slowness)
                self.times.append(asyncio.get_running_loop().time())
                self.items.append(item)
                self._take(item)
                self._changed.set()
                if items_at_most is not None and len(self.items) >= items_at_most:
                    return

    def _take(self, item: wire.FeedItem) -> None:
        match item:
            case wire.Summaries():
                assert item.texts, "a frame of nothing"
                for text in item.texts:
                    self._know(**json.loads(text))
                assert self.position <= item.last
            case wire.CaughtUp() | wire.FellBehind():
                assert self.position <= item.seq <= item.head
                self.position = item.seq

    def _know(self, position: int, job: str, head: int) -> None:
        assert position > self.position, "out of order, or again"
        assert head >= self.heads.get(job, 0), "older than what was known"
        self.position, self.heads[job] = position, head

    async def knows(self, job: MemoryJob) -> float:
        """Wait until it knows the job as it is; return when it came to know."""
        async with asyncio.timeout(600):
            while self.heads.get(str(job.id)) != job.head:
                self._changed.clear()
                await self._changed.wait()
        return self.times[-1]

    async def has(self, kind: type) -> None:
        """Wait until an item of that kind came."""
        async with asyncio.timeout(600):
            while not any(isinstance(item, kind) for item in self.items):
                self._changed.clear()
                await self._changed.wait()

    def kinds(self) -> list[str]:
        return [type(item).__name__ for item in self.items]


class FeedScene:
    """A feed on rows in memory, its reader running."""

    def __init__(self, **bounds: int) -> None:
        self.memory = MemoryFeed()
        self.counters = Counters()
        self.feed = Feed(self.memory, self.counters, bounds=FeedBounds(**bounds))
        self.clock = asyncio.get_running_loop().time
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> FeedScene:
        self._task = asyncio.create_task(self.feed.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        assert not self._task.done(), self._task.exception()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def move(self, job: MemoryJob, events: int = 1, *, hint: bool = True) -> None:
        position = self.memory.move(job, events)
        if hint:
            self.hint(position)

    def hint(self, position: int) -> None:
        self.feed.hear({"type": "feed.moved", "position": position})
