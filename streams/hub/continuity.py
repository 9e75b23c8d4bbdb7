"""Where a follower's history ends, so that no event of another history is sent after it.

`catch_up` reads on from there to a known head, once: what finite answers read with. `read_once`
does so for exports, which would push all pages out that others share.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

from core.errors import Unavailable
from jobs.events import first_hash
from jobs.log import Cursor, Head, Page
from jobs.log.read import PAGE_EVENTS
from streams.hub.batches import PageBatches
from streams.hub.followed import Followed
from streams.hub.hub import Hub
from streams.hub.page_cache import AWAY
from streams.wire import Events

TRIES = 6
P = TypeVar("P", Page, PageBatches)


class Continuity:
    """The last event that a follower has; `head` is what `Hub.check` said of its cursor.

    Of a cursor without a hash, within the log, nothing is known: its first batch is taken as it is.
    """

    def __init__(self, job: UUID, cursor: Cursor, head: Head) -> None:
        self._job = job
        self._cursor = cursor
        self._hash = head.hash if cursor.seq == head.seq else head.cursor_hash
        if not cursor.seq:
            self._hash = first_hash(job).hex()
        self._doubted = -1

    @property
    def cursor(self) -> Cursor:
        """The cursor with which the follower would come back now."""
        seq = self._cursor.seq
        return Cursor(seq, self._hash[:8]) if seq and self._hash else self._cursor

    @property
    def hash(self) -> str:
        """The hash of the last event, empty if it is not known."""
        return self._hash

    def move(self, events: Events) -> None:
        """Note that the follower has these events too."""
        self._cursor, self._hash = Cursor(events.last), events.hash

    def skip_to(self, seq: int, hash: str) -> None:
        """Note that the follower has all up to the event with this seq and hash."""
        self._cursor, self._hash = Cursor(seq), hash

    async def fits(self, hub: Hub, events: Events) -> bool:
        """Return whether the events are linked to the last one; if not, look for others.

        Raises CursorAhead or HistoryDiverged if the log has no such last event any more. Events
        that are not linked after a second look are what the log has, if it still has that event:
        `verify` tells of that.
        """
        if not self._hash or events.continues(self._hash):
            return True
        again = events.after == self._doubted
        self._doubted = events.after
        if not again:
            await hub.mark_stale(self._job)
        await hub.check(self._job, self.cursor)
        return again


async def catch_up(hub: Hub, live: Followed, seam: Continuity, goal: int) -> AsyncIterator[Events]:
    """Yield what comes after `seam`, at least to `goal`, from the ring or else from the log.

    Raises Unavailable if the log cannot be read, nor a few seconds later; CursorAhead or
    HistoryDiverged if it is another log by then. Ends early if `live` is outdated.
    """
    seq = seam.cursor.seq
    while seq < goal and not live.outdated:
        if live.ring.after <= seq < live.ring.last:
            events = live.ring.batch(seq)
        else:
            stretch = await _read_page(hub, live, seq)
            hub.history.ahead(live.job, stretch.last, min(goal, live.ring.after))
            events = stretch.batch(seq)
        if not await seam.fits(hub, events):
            continue
        yield events
        seq = events.last
        seam.move(events)
        await asyncio.sleep(0)  # others get their turn between the frames of a long history


async def read_once(hub: Hub, job: UUID, seam: Continuity, goal: int) -> AsyncIterator[Events]:
    """Yield what comes after `seam`, to `goal`, in small pages that nobody keeps.

    Raises what `catch_up` does.
    """
    limit = PAGE_EVENTS
    while (seq := seam.cursor.seq) < goal:
        read = partial(hub.history.read_once, job, seq, min(limit, goal - seq))
        page = await _try_again(hub, read, seq)
        events = Events(page.after, page.last, page.lines)
        if await seam.fits(hub, events):
            yield events
            seam.move(events)
        # Postgres looks at all that might be in a page: of large events few are.
        limit = min(2 * len(page), PAGE_EVENTS)


async def _read_page(hub: Hub, live: Followed, seq: int) -> PageBatches:
    async def read() -> PageBatches:
        page = hub.history.page(live.job, seq)
        await asyncio.wait({page})
        return page.result()

    return await _try_again(hub, read, seq)


async def _try_again(hub: Hub, read: Callable[[], Awaitable[P]], seq: int) -> P:
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(0.1 * 2**attempt)
        try:
            page = await read()
        except AWAY:
            hub.counters.add("read_failures", "page")
        else:
            if page.last > seq:
                return page
    raise Unavailable
