"""The hub: brings what is appended to all who follow, in one process (one event loop).

The log is the truth, the channel layer a hint. Hints that fit extend a job's ring; one that leaves
a gap has the gap read from the log, once for all. Once a second the heads of all followed jobs are
read in one query: what the hints lost is healed by that, and counted. A follower is a cursor
(`streams.subscription`): the hub keeps nothing for it and knows only how many there are.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

import psycopg

from core.errors import Unavailable
from jobs.log import Cursor, Head, Page, group
from streams.counters import Counters
from streams.followed import Followed
from streams.history import History
from streams.link import Layer, Link, Message
from streams.stretch import BOUNDS, Bounds

logger = logging.getLogger(__name__)

# What a reader raises while Postgres is away; everything else is a fault of ours.
AWAY = (psycopg.Error, OSError)

LINGER_SECONDS = 10.0
READ_SECONDS = 10.0
# A head that the poll saw first is given this long to arrive as a hint, and again for as long as
# the ring moves, before the hint counts as lost.
LOOK_SECONDS = 0.25
LOOKS = 8
# A hint sent while a group was being joined may miss this process: that is no loss to count.
YOUNG_SECONDS = 2.0
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 2.0


class Reader(Protocol):
    """What is used of `jobs.log.AsyncReader`. Each read raises one of AWAY without Postgres."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def read(self, job_id: UUID, after: int, limit: int) -> Page: ...
    async def heads(self, job_ids: Iterable[UUID]) -> dict[UUID, Head]: ...
    async def check_cursor(self, job_id: UUID, cursor: Cursor) -> Head: ...


class Listener(Protocol):
    """What else this process hears: the messages of one group, and a task that is kept going."""

    def hear(self, message: Message) -> None: ...
    async def run(self) -> None: ...


class Hub:
    """Use `start` first, then `check` and `follow`; one for an event loop (`streams.hubs`).

    `listeners` by group: they get the messages whose type begins with the group's name and a dot.
    """

    def __init__(
        self,
        reader: Reader,
        make_layer: Callable[[], Layer],
        *,
        counters: Counters,
        heartbeat_seconds: float = 15.0,
        poll_seconds: float = 1.0,
        bounds: Bounds = BOUNDS,
        listeners: Mapping[str, Listener] = MappingProxyType({}),
    ) -> None:
        self.counters = counters
        self.heartbeat_seconds = heartbeat_seconds
        self.history = History(reader, counters, bounds)
        self._reader = reader
        self._bounds = bounds
        self._poll_seconds = poll_seconds
        self._link = Link(make_layer, self._hear)
        self._link.groups.update(listeners)
        self._listeners = listeners
        self._followed: dict[UUID, Followed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Open the reader and start listening, the first time; harmless every other."""
        if self._started is None:
            self._started = asyncio.ensure_future(self._reader.open())
            self._spawn(self._supervise("link", self._link.run))
            self._spawn(self._supervise("poll", self._poll))
            for name, listener in self._listeners.items():
                self._spawn(self._supervise(name, listener.run))
        await asyncio.shield(self._started)

    async def close(self) -> None:
        """Stop everything; followers get nothing more."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reader.close()

    async def check(self, job: UUID, cursor: Cursor) -> Head:
        """Return the job's head now, to follow it from `cursor`.

        Raises NotFound, CursorAhead, HistoryDiverged, and Unavailable without Postgres.
        """
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._reader.check_cursor(job, cursor)
        except AWAY as error:
            self.counters.add("read_failures", "check")
            raise Unavailable from error

    @contextmanager
    def follow(self, job: UUID, head: Head) -> Iterator[Followed]:
        """Follow a job for as long as the context lasts; `head` was read just before.

        A finished job is followed by nobody: there is nothing to come.
        """
        if head.terminal:
            yield self.glance(job, head)
            return
        live = self._enter(job, head)
        try:
            yield live
        finally:
            live.followers -= 1
            live.idle_since = asyncio.get_running_loop().time()

    def glance(self, job: UUID, head: Head) -> Followed:
        """Return a job as it stands, for who reads to its head and does not wait for more."""
        return Followed(job, head, self._bounds)

    def _enter(self, job: UUID, head: Head) -> Followed:
        live = self._followed.get(job)
        if live is None:
            live = self._followed[job] = Followed(job, head, self._bounds)
            self.counters.add("jobs")
            self._spawn(self._join(live))
        live.followers += 1
        live.note(head.seq, head.status)
        if live.behind:
            self._heal(live, "follow")
        return live

    async def _join(self, live: Followed) -> None:
        """Join the job's group, and then read its head: what came in between had no hint."""
        await self._link.join(group(live.job))
        try:
            async with asyncio.timeout(READ_SECONDS):
                heads = await self._reader.heads([live.job])
        except AWAY:
            self.counters.add("read_failures", "join")
            return  # the poll asks again
        if found := heads.get(live.job):
            live.note(found.seq, found.status)
            if live.behind:
                self._heal(live, "join")

    def _leave_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        for live in list(self._followed.values()):
            if not live.followers and now - live.idle_since > LINGER_SECONDS:
                del self._followed[live.job]
                self.counters.add("jobs", amount=-1)
                self._spawn(self._link.leave(group(live.job)))

    def _hear(self, message: Message) -> None:
        try:
            name = message["type"].partition(".")[0]
            if listener := self._listeners.get(name):
                listener.hear(message)
            else:
                self._hint(message)
        except (KeyError, TypeError, ValueError):
            # Nothing that arrives may end the listening; what it meant, the poll finds.
            self.counters.add("hints", "bad")
            logger.warning("a hint that is none", exc_info=True, extra={"action": "bad_hint"})

    def _hint(self, message: Message) -> None:
        first, last, lines = message["first"], message["last"], message["lines"]
        live = self._followed.get(UUID(message["job"]))
        if live is None:
            self.counters.add("hints", "stray")
            return
        # Even where a page of the log was quicker: it brought the events, but not the status.
        live.note(last, message["status"])
        if last <= live.ring.last:
            self.counters.add("hints", "old")
            return
        if lines is None or first > live.ring.last + 1:
            reason = "large" if lines is None else "gap"
            self.counters.add("hints", reason)
            if reason == "gap" and live.healing is None and not _young(live):
                self.counters.add("lost_hints")
            self._heal(live, reason)
            return
        texts = lines.split("\n")
        if len(texts) != last - first + 1:
            raise ValueError(f"{len(texts)} events, said to be {first} to {last}")
        live.extend(first - 1, texts)
        self.counters.add("hints", "used")

    def _heal(self, live: Followed, reason: str) -> None:
        """Have what the ring lacks read from the log; once, however many notice the gap."""
        if live.healing is None:
            self.counters.add("heals", reason)
            live.healing = self._spawn(self._fill(live))

    async def _fill(self, live: Followed) -> None:
        try:
            while live.behind and not live.skip():
                async with asyncio.timeout(READ_SECONDS):
                    page = await self._reader.read(
                        live.job, live.ring.last, self._bounds.page_events
                    )
                if not len(page):
                    return
                live.extend(page.after, page.texts)
        except AWAY:
            self.counters.add("read_failures", "heal")  # the poll notices again
        finally:
            live.healing = None

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            self._leave_idle()
            self.history.forget()
            open_jobs = [live for live in self._followed.values() if not _settled(live)]
            if not open_jobs:
                continue
            try:
                async with asyncio.timeout(READ_SECONDS):
                    heads = await self._reader.heads([live.job for live in open_jobs])
            except AWAY:  # asyncio.timeout's TimeoutError is an OSError too
                self.counters.add("read_failures", "poll")
                continue
            for live in open_jobs:
                if not (found := heads.get(live.job)):
                    continue
                if found.seq <= live.ring.last:
                    live.note(found.seq, found.status)
                elif live.looking is None:
                    live.looking = self._spawn(self._look_again(live, found))

    async def _look_again(self, live: Followed, head: Head) -> None:
        """Heal what the poll found missing, unless it was only on its way as a hint."""
        try:
            for _ in range(LOOKS if self._link.up else 0):
                before = live.ring.last
                await asyncio.sleep(LOOK_SECONDS)
                if live.ring.last >= head.seq:
                    return
                if live.ring.last == before:
                    break
            if not _young(live) and live.healing is None:
                self.counters.add("poll_heals")
                self.counters.add("lost_hints")
            live.note(head.seq, head.status)
            self._heal(live, "poll")
        finally:
            live.looking = None

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = MIN_PAUSE_SECONDS
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - the loop's edge: it goes on
                logger.warning("%s failed: %r", name, error, extra={"action": "restart"})
            self.counters.add("restarts", name)
            if asyncio.get_running_loop().time() - started > 10 * MAX_PAUSE_SECONDS:
                pause = MIN_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("a task of the hub failed", exc_info=error, extra={"action": "hub_task"})


def _young(live: Followed) -> bool:
    return asyncio.get_running_loop().time() - live.since < YOUNG_SECONDS


def _settled(live: Followed) -> bool:
    return live.terminal and not live.behind
