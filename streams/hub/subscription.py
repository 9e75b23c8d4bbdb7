"""One follower of one job: a cursor that moves. Every transport is a thin writer of its items.

The items come in the protocol's order: `hello`; the events after the cursor, each exactly once;
`caught_up`; live events, with `heartbeat` in silence; `end` after the terminal event. Only the
cursor says what comes next, so nothing that the channel layer does can make a gap or a duplicate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from time import time
from uuid import UUID

from jobs.log import Cursor, Head
from streams.followers.disconnect_notice import Notice
from streams.hub.continuity import Continuity
from streams.hub.followed import Followed
from streams.hub.hub import Hub
from streams.hub.pacing import FrameSize, next_beat, shared_heartbeat
from streams.hub.page_cache import AWAY
from streams.wire import CaughtUp, End, Events, FellBehind, Hello, Item

# A page that is long in coming is waited for this long at a time: there may be a notice.
LOOK_UP_SECONDS = 1.0
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 2.0


class Subscription:
    """Yields a follower's items from `cursor` on; `head` is what `Hub.check` said of that cursor.

    What is put into `notice` is raised in place of the next item. `rotate_s` ends the items, with
    no `end`, at the first one after so many seconds; 0 means: once caught up. `heartbeat_s` is how
    long a silence may be, None for the hub's own. The cursor moves when the next item is asked for,
    that is, when the transport has written the last one.
    """

    def __init__(
        self,
        hub: Hub,
        job: UUID,
        cursor: Cursor,
        head: Head,
        *,
        notice: Notice | None = None,
        rotate_s: float | None = None,
        heartbeat_s: float | None = None,
        continuity: type[Continuity] = Continuity,
    ) -> None:
        self._hub = hub
        self._job = job
        self._cursor = cursor
        self._head = head
        self._notice = notice or Notice()
        self._rotate_s = rotate_s
        self._seam = continuity(job, cursor, head)
        self._heartbeat_s = hub.heartbeat_seconds if heartbeat_s is None else heartbeat_s
        self._pace = FrameSize(hub.bounds.block_bytes, hub.bounds.frame_bytes)
        self._seq = cursor.seq
        self._hash8 = head.hash[:8]  # of the event at seq; meant only once that is the head
        self._goal = head.seq
        self._caught_up = False
        self._moved = False
        self._ended = False
        self._log_is_short = False  # a page ended before what should be there
        self._waited = False  # since the last item, and so gave others their turn
        self._pause = FIRST_PAUSE_SECONDS
        self._time = asyncio.get_running_loop().time
        self._beat_at = self._stop_at = self._given_at = 0.0

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield the items; close the iterator (`contextlib.aclosing`) to stop following early."""
        started = self._time()
        self._beat_at = next_beat(started, self._heartbeat_s)
        self._stop_at = started + self._rotate_s if self._rotate_s else float("inf")
        yield Hello(self._job, str(self._cursor), self._head.seq, self._heartbeat_s)
        with self._notice.resting():
            while True:
                with self._hub.follow(self._job, self._head) as live:
                    while (item := await self._next_item(live)) is not None:
                        self._given_at = self._time()
                        yield item
                        self._mark_sent(item)
                        if self._ended:
                            return
                if not self._is_outdated(live):
                    self._hub.counters.add("rotations")
                    return
                await self._check_again()

    async def _check_again(self) -> None:
        """Go on in a log that is another than before, if it has all that was sent; else raise."""
        self._log_is_short = False
        self._head = await self._hub.check(self._job, self._seam.cursor)
        self._goal = min(self._goal, self._head.seq)

    def _mark_sent(self, item: Item) -> None:
        """Move the cursor: the transport has taken the item."""
        taken = self._time()
        self._beat_at = next_beat(taken, self._heartbeat_s)
        match item:
            case Events():
                self._pace.took(len(item.lines), taken - self._given_at)
                if self._caught_up:
                    self._hub.counters.lag.observe(time() - item.at)
                self._seq, self._hash8, self._moved = item.last, item.hash8, True
                self._seam.move(item)
            case CaughtUp():
                self._caught_up = True
            case FellBehind():
                self._caught_up, self._goal = False, item.head
            case End():
                self._ended = True

    async def _next_item(self, live: Followed) -> Item | None:
        """Return the next item as soon as there is one; None when this answer is over."""
        if not self._waited:
            # Others get their turn between the frames of somebody who is far behind.
            await asyncio.sleep(0)
        self._waited = False
        while True:
            self._notice.check()
            if self._is_outdated(live):
                return None
            if item := self._next_milestone(live):
                return item
            if self._is_over():
                return None
            if live.ring.after <= self._seq < live.ring.last:
                self._hub.counters.add("ring_hits")
                events = live.ring.batch(self._seq, self._pace.room)
                if await self._seam.fits(self._hub, events):
                    return events
            elif self._seq < live.ring.after:
                found = await self._from_log(live)
                if found and await self._seam.fits(self._hub, found):
                    return found
            else:
                await live.changed.wait(self._idle_seconds(), self._notice)
                self._waited = True
            if self._time() >= self._beat_at:
                return shared_heartbeat(max(live.head, self._seq))

    def _next_milestone(self, live: Followed) -> Item | None:
        # A page of the log may be ahead of the news, and so may the ring that it filled. A goal
        # short of the ring would be reached at once, and fallen behind of at once, again and again.
        head = max(live.head, live.ring.last, self._seq)
        if not self._caught_up and self._seq >= self._goal:
            return CaughtUp(self._seq, head)
        if self._caught_up and live.ends_at(self._seam.cursor):
            return End(self._seq, live.status, self._hash8)
        if self._caught_up and self._seq < live.ring.after:
            return FellBehind(self._seq, head)
        return None

    def _is_outdated(self, live: Followed) -> bool:
        return live.outdated or self._log_is_short or live.contradicts(self._seam.cursor)

    def _is_over(self) -> bool:
        if self._rotate_s == 0:
            return self._caught_up
        return self._time() >= self._stops_at()

    async def _from_log(self, live: Followed) -> Events | None:
        """Return the next events from a page of the log; None if that takes too long or fails.

        The page is still read, for the next one who asks for it: this follower too.
        """
        page = self._hub.history.page(self._job, self._seq)
        await asyncio.wait({page}, timeout=min(self._idle_seconds(), LOOK_UP_SECONDS))
        if not page.done():
            return None
        try:
            stretch = page.result()
        except AWAY:
            self._hub.counters.add("read_failures", "page")
        else:
            if stretch.last > self._seq:
                self._pause = FIRST_PAUSE_SECONDS
                self._hub.history.ahead(self._job, stretch.last, live.ring.after)
                return stretch.batch(self._seq, self._pace.room)
            self._log_is_short = True
        await asyncio.sleep(min(self._pause, self._idle_seconds()))
        self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)
        return None

    def _idle_seconds(self) -> float:
        """Return how long nothing need be done."""
        return max(min(self._beat_at, self._stops_at()) - self._time(), 0)

    def _stops_at(self) -> float:
        # Every answer carries a follower on, however short it is meant to be.
        return self._stop_at if self._moved or self._caught_up else float("inf")
