"""From a cursor to a known head, once: what finite answers read with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from core.errors import Unavailable
from streams.hub.batches import Batches
from streams.hub.continuity import Continuity
from streams.hub.followed import Followed
from streams.hub.hub import AWAY, Hub
from streams.wire import Events

TRIES = 6


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


async def _read_page(hub: Hub, live: Followed, seq: int) -> Batches:
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(0.1 * 2**attempt)
        page = hub.history.page(live.job, seq)
        await asyncio.wait({page})
        try:
            stretch = page.result()
        except AWAY:
            hub.counters.add("read_failures", "page")
        else:
            if stretch.last > seq:
                return stretch
    raise Unavailable
