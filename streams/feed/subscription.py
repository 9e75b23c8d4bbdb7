"""One follower of the feed: a position that moves, and eyes for some of the jobs.

The order of things is a job's: `hello`; the jobs that have moved since, each as it stands;
`caught_up`; then each that moves, with `heartbeat` in silence. It has no end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from core.errors import CursorAhead
from jobs.access.visible_set import Visibility
from streams.feed.feed import Feed
from streams.feed.recent import cut_summaries
from streams.followers.disconnect_notice import Notice
from streams.hub.pacing import FrameSize, next_beat, shared_heartbeat
from streams.hub.page_cache import AWAY
from streams.hub.subscription import FIRST_PAUSE_SECONDS, LOOK_UP_SECONDS, MAX_PAUSE_SECONDS
from streams.wire import CaughtUp, FeedItem, FellBehind, Hello, Summaries

# How many jobs the first frame has: about 16 KiB.
FIRST_JOBS = 50


class FeedSubscription:
    """Yields a follower's items from `position` on; `end` is what `Feed.check` said of it.

    What is put into `notice` is raised in place of the next item. The position moves when the next
    item is asked for, that is, when the transport has written the last one. Once caught up, a
    heartbeat's `head` is how far the feed has been looked through for this follower.
    """

    def __init__(
        self,
        feed: Feed,
        sight: Visibility,
        position: int,
        end: int,
        *,
        notice: Notice | None = None,
        heartbeat_s: float = 15.0,
    ) -> None:
        self._feed = feed
        self._sight = sight
        self._position = position
        self._goal = end
        self._generation = feed.generation
        self._notice = notice or Notice()
        self._heartbeat_s = heartbeat_s
        self._pace = FrameSize(FIRST_JOBS, feed.bounds.frame_jobs)
        self._caught_up = False
        self._pause = FIRST_PAUSE_SECONDS
        self._time = asyncio.get_running_loop().time
        self._beat_at = self._given_at = 0.0

    async def items(self) -> AsyncGenerator[FeedItem, None]:
        """Yield the items; close the iterator (`contextlib.aclosing`) to stop following."""
        hello = Hello(None, str(self._position), self._goal, self._heartbeat_s)
        self._mark_sent(hello)
        yield hello
        with self._feed.follow(self._goal), self._notice.resting():
            while True:
                item = await self._next_item()
                self._given_at = self._time()
                yield item
                self._mark_sent(item)

    def _mark_sent(self, item: FeedItem) -> None:
        """Move on: the transport has taken the item."""
        taken = self._time()
        self._beat_at = next_beat(taken, self._heartbeat_s)
        match item:
            case Summaries():
                self._pace.took(len(item.texts), taken - self._given_at)
                self._position = item.last
            case CaughtUp():
                self._caught_up = True
            case FellBehind():
                self._caught_up, self._goal = False, item.head

    async def _next_item(self) -> FeedItem:
        """Return the next item as soon as there is one."""
        # Others get their turn between the frames of somebody who is far behind.
        await asyncio.sleep(0)
        while True:
            self._notice.check()
            if self._feed.generation != self._generation:
                raise CursorAhead(
                    "The feed has been restored to an earlier state. Start again from 0."
                )
            head = max(self._feed.recent.last, self._position)
            if not self._caught_up and self._position >= self._goal:
                return CaughtUp(self._position, head)
            if self._caught_up and self._position < self._feed.recent.after:
                return FellBehind(self._position, head)
            found = await self._next_summaries()
            if found is not None and found.texts:
                return found
            if found is not None:
                self._position = found.last  # what moved there is not for these eyes
            elif self._time() >= self._beat_at:
                return shared_heartbeat(self._position if self._caught_up else head)

    async def _next_summaries(self) -> Summaries | None:
        """Return what comes next, perhaps nothing to see; None if that is not there yet."""
        recent = self._feed.recent
        if self._position < recent.after:
            return await self._from_past()
        # Catching up, the reader comes to the goal first: a job that moved again comes once then.
        if self._position < recent.last and (self._caught_up or recent.last >= self._goal):
            return recent.batch(self._sight, self._position, self._pace.room)
        await self._feed.changed.wait(self._idle_seconds(), self._notice)
        return None

    async def _from_past(self) -> Summaries | None:
        """Return what a page has; None if that takes too long or fails.

        The page is still read, for the next one who asks for it: this follower too.
        """
        page = self._feed.pages.page(self._position)
        await asyncio.wait({page}, timeout=min(self._idle_seconds(), LOOK_UP_SECONDS))
        if not page.done():
            return None
        try:
            found = page.result()
        except AWAY:
            self._feed.counters.add("read_failures", "page")
            await asyncio.sleep(min(self._pause, self._idle_seconds()))
            self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)
            return None
        self._pause = FIRST_PAUSE_SECONDS
        most = self._pace.room
        return cut_summaries(found.summaries, self._sight, self._position, found.last, most)

    def _idle_seconds(self) -> float:
        """Return how long nothing need be done."""
        return max(self._beat_at - self._time(), 0)
