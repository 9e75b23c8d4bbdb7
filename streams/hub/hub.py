"""The hub: brings what is appended to all who follow, in one process (one event loop).

The log is the truth, the channel layer a hint. Hints that fit extend a job's ring; at others its
head and what the ring lacks are read from the log, once for all. Once a second the heads of all
followed jobs are read in one query: what the hints lost is healed by that, and counted. A follower
is a cursor (`streams.hub.subscription`): the hub keeps nothing for it, but counts them.

A log may go back: a dump is restored, or a standby that lags takes over. What was known of a job
is dropped when a head is behind it or has another hash, or an event is not linked to the one
before; its followers then check their cursors, as if they came back (docs/adr/0051).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from uuid import UUID

from core.errors import CursorAhead, HistoryDiverged, NotFound, Unavailable
from jobs.log import Cursor, Head, group_name
from jobs.log.hints import Hint
from streams.counters import Counters
from streams.hub.batches import BOUNDS, Bounds
from streams.hub.followed import Followed
from streams.hub.listener import ChannelListener, Layer, Listener, Message
from streams.hub.page_cache import AWAY, READ_SECONDS, PageCache, Reader
from streams.hub.supervised_tasks import SupervisedTasks
from streams.wire import hash_of

logger = logging.getLogger(__name__)

LINGER_SECONDS = 10.0
# A head that the poll saw first is given this long to arrive as a hint, and again for as long as
# the ring moves, before the hint counts as lost.
LOOK_SECONDS = 0.25
LOOKS = 8


class Hub:
    """Use `start` first, then `check` and `follow`; one for an event loop (`streams.process`).

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
        followed: type[Followed] = Followed,
    ) -> None:
        self._make_followed = followed
        self.counters = counters
        self.heartbeat_seconds = heartbeat_seconds
        self.bounds = bounds
        self.history = PageCache(reader, counters, bounds)
        self._reader = reader
        self._poll_seconds = poll_seconds
        self._link = ChannelListener(make_layer, self._hear_message)
        self._link.groups.update(listeners)
        self._listeners = listeners
        self._followed: dict[UUID, Followed] = {}
        self._tasks = SupervisedTasks(counters)
        self._started: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Open the reader and start listening, the first time; harmless every other."""
        if self._started is None:
            self._started = asyncio.ensure_future(self._reader.open())
            self._tasks.keep_running("link", self._link.run)
            self._tasks.keep_running("poll", self._poll_heads)
            for name, listener in self._listeners.items():
                self._tasks.keep_running(name, listener.run)
        await asyncio.shield(self._started)

    async def close(self) -> None:
        """Stop everything; followers get nothing more."""
        await self._tasks.cancel_all()
        await self._reader.close()

    async def check(self, job: UUID, cursor: Cursor) -> Head:
        """Return the job's head now, to follow it from `cursor`.

        Raises NotFound, CursorAhead, HistoryDiverged, and Unavailable without Postgres.
        """
        known = self._known_seq(job)
        try:
            async with asyncio.timeout(READ_SECONDS):
                head = await self._reader.check_cursor(job, cursor)
        except AWAY as error:
            self.counters.add("read_failures", "check")
            raise Unavailable from error
        self._compare_head(job, known, head)
        return head

    async def mark_stale(self, job: UUID) -> None:
        """Read again what is known of a job: an event is not linked to the one before it."""
        self.history.drop(job)
        if live := self._followed.get(job):
            await asyncio.wait({self._verify_ring(live)})

    @contextmanager
    def follow(self, job: UUID, head: Head) -> Iterator[Followed]:
        """Follow a job for as long as the context lasts; `head` was read just before.

        A finished job is followed by nobody: there is nothing to come.
        """
        if head.terminal:
            yield self.snapshot(job, head)
            return
        live = self._enter_follower(job, head)
        try:
            yield live
        finally:
            live.followers -= 1
            live.idle_since = asyncio.get_running_loop().time()

    def snapshot(self, job: UUID, head: Head) -> Followed:
        """Return a job as it stands, for who reads to its head and does not wait for more."""
        return self._make_followed(job, head, self.bounds)

    def _enter_follower(self, job: UUID, head: Head) -> Followed:
        live = self._followed.get(job)
        if live is None:
            live = self._followed[job] = self._make_followed(job, head, self.bounds)
            self.counters.add("jobs")
            self._tasks.start(self._join_group(live))
        live.followers += 1
        live.note(head)
        if live.behind:
            self._start_fill(live, "follow")
        return live

    async def _join_group(self, live: Followed) -> None:
        """Join the job's group, and then read its head: what came in between had no hint."""
        await self._link.join(group_name(live.job))
        try:
            await self._read_head(live)
        except AWAY:
            self.counters.add("read_failures", "join")
            return  # the poll asks again
        if live.behind:
            self._start_fill(live, "join")

    async def _read_head(self, live: Followed) -> None:
        """Take in a job's head as the log has it now."""
        live.hinted = False  # before the read: a hint that comes during it has it read again
        known = self._known_seq(live.job)
        async with asyncio.timeout(READ_SECONDS):
            found = (await self._reader.heads([live.job])).get(live.job)
        if not self._compare_head(live.job, known, found) and found is not None:
            live.note(found)

    def _known_seq(self, job: UUID) -> int:
        """Return the newest seq that is known now: a head that is read from now on has it."""
        live = self._followed.get(job)
        return max(self.history.end(job), max(live.head, live.ring.last) if live else 0)

    def _compare_head(self, job: UUID, known: int, head: Head | None) -> bool:
        """Drop what contradicts a head, read after `known` was the newest; return whether any."""
        live = self._followed.get(job)
        same = head is not None and head.seq >= min(known, self._known_seq(job))
        if head is not None and same:
            same = self.history.agrees(job, head) and (live is None or live.agrees(head))
        if not same:
            self._drop_history(job, head)
        return not same

    def _drop_history(self, job: UUID, head: Head | None) -> None:
        """Forget a history that is no more, and have its followers check their cursors."""
        logger.warning(
            "the log of job %s is another than before: its followers check their cursors",
            job, extra={"action": "log_went_back", "job": job},
        )  # fmt: skip
        self.counters.add("histories_dropped")
        self.history.drop(job)
        if live := self._followed.get(job):
            if head is None:
                self._forget_job(live)
            else:
                self._followed[job] = self._make_followed(job, head, self.bounds)
            live.retire()

    def _verify_ring(self, live: Followed) -> asyncio.Task[None]:
        """Ask the log from now on, once for all who doubt it, whether it has the ring's end."""
        live.doubted, live.verified = True, -1
        if live.verifying is None:
            live.verifying = self._tasks.start(self._compare_ring(live))
        return live.verifying

    async def _compare_ring(self, live: Followed) -> None:
        try:
            while live.doubted:
                live.doubted = False  # before the read: who doubts during it has it read again
                if await self._has_ring(live):
                    continue
                async with asyncio.timeout(READ_SECONDS):
                    heads = await self._reader.heads([live.job])
                if self._followed.get(live.job) is live:
                    self._drop_history(live.job, heads.get(live.job))
                return
        except AWAY:
            self.counters.add("read_failures", "verify")
        finally:
            live.verifying = None

    async def _has_ring(self, live: Followed) -> bool:
        """Return whether the log has what the ring ends with, and note it where it has."""
        end = live.ring_end
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._reader.check_cursor(live.job, end)
        except (CursorAhead, HistoryDiverged, NotFound):
            return False
        live.verified = end.seq
        return True

    def _leave_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        for live in list(self._followed.values()):
            if not live.followers and now - live.idle_since > LINGER_SECONDS:
                self._forget_job(live)

    def _forget_job(self, live: Followed) -> None:
        del self._followed[live.job]
        self.counters.add("jobs", amount=-1)
        self._tasks.start(self._link.leave(group_name(live.job)))

    def _hear_message(self, message: Message) -> None:
        try:
            if listener := self._listeners.get(message["type"].partition(".")[0]):
                listener.hear(message)
            else:
                self._take_hint(Hint.parse(message))
        except (KeyError, TypeError, ValueError):
            # Nothing that arrives may end the listening; what it meant, the poll finds.
            self.counters.add("hints", "bad")
            logger.warning("a hint that is none", exc_info=True, extra={"action": "bad_hint"})

    def _take_hint(self, hint: Hint) -> None:
        live = self._followed.get(hint.job)
        if live is None:
            self.counters.add("hints", "stray")
            return
        near = hint.first <= live.ring.last + 1
        if hint.texts and near and not live.ring.agrees(hint.first - 1, hint.texts):
            self.counters.add("hints", "other")
            self._verify_ring(live)
            return
        if hint.texts is None or not near:
            reason = "large" if hint.texts is None else "gap"
            self.counters.add("hints", reason)
            if reason == "gap" and live.healing is None and not live.young:
                self.counters.add("lost_hints")
            # It may be of a history that was restored since: the log says where it ends, and how.
            live.hinted = True
            self._start_fill(live, reason)
            return
        # Even if a page of the log was quicker: it brought the events, but not the status.
        live.note(Head(hint.last, hash_of(hint.texts[-1]), hint.status))
        if hint.last <= live.ring.last:
            self.counters.add("hints", "old")
            return
        live.extend(hint.first - 1, hint.texts)
        self.counters.add("hints", "used")

    def _start_fill(self, live: Followed, reason: str) -> None:
        """Have what the ring lacks read from the log; once, however many notice the gap."""
        if live.healing is None:
            self.counters.add("heals", reason)
            live.healing = self._tasks.start(self._fill_ring(live))

    async def _fill_ring(self, live: Followed) -> None:
        limit = self.bounds.page_events
        try:
            while not live.outdated:
                if live.hinted:
                    await self._read_head(live)
                    continue
                if not live.behind or live.skip():
                    return
                async with asyncio.timeout(READ_SECONDS):
                    if not (page := await self._reader.read(live.job, live.ring.last, limit)):
                        return
                if not live.ring.agrees(page.after, page.texts):
                    await asyncio.wait({self._verify_ring(live)})
                    if live.verified != page.after:
                        continue
                live.extend(page.after, page.texts)
        except AWAY:
            self.counters.add("read_failures", "heal")  # the poll notices again
        finally:
            live.healing = None

    async def _poll_heads(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            self._leave_idle()
            self.history.forget()
            open_jobs = [live for live in self._followed.values() if not live.settled]
            if not open_jobs:
                continue
            known = [self._known_seq(live.job) for live in open_jobs]
            try:
                async with asyncio.timeout(READ_SECONDS):
                    heads = await self._reader.heads([live.job for live in open_jobs])
            except AWAY:  # asyncio.timeout's TimeoutError is an OSError too
                self.counters.add("read_failures", "poll")
                continue
            for live, before in zip(open_jobs, known, strict=True):
                found = heads.get(live.job)
                if self._followed.get(live.job) is not live:
                    continue
                if self._compare_head(live.job, before, found) or found is None:
                    continue
                if found.seq <= live.ring.last:
                    live.note(found)
                elif live.looking is None:
                    live.looking = self._tasks.start(self._look_again(live, found))

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
            if not live.young and live.healing is None:
                self.counters.add("poll_heals")
                self.counters.add("lost_hints")
            live.hinted = True  # the head was read a while ago
            self._start_fill(live, "poll")
        finally:
            live.looking = None
