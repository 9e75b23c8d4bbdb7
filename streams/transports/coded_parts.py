"""Long answers made of pages of history: one page of large events, or the log after a cursor.

Both are read from the log in small steps where no page is kept, and cut where the log turns out to
be another than when they began.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from core.errors import HistoryDiverged, Unavailable
from jobs.log import Cursor, Head
from streams.hub.coded_pages import PAGE_EVENTS, CodedPages, PageKey, make_coder
from streams.hub.continuity import Continuity, read_once
from streams.hub.hub import Hub
from streams.transports import export

Part = tuple[int, bytes]  # how many events, and them as they are sent
# How many pages are looked up by one query, and how many are made before they are sent.
LOOKED_UP, AHEAD = 100, 2


async def large_parts(hub: Hub, page: PageKey, coding: str) -> AsyncGenerator[Part, None]:
    """Yield a page in parts that take little memory. Raises what `continuity.read_once` does."""
    head = Head(page.last, page.hash, "")
    seam = Continuity(page.job, Cursor(page.after), head)
    async for part in _coded_steps(hub, page.job, seam, page.last, coding):
        yield part
    if seam.hash != page.hash:
        raise HistoryDiverged


async def joined_parts(
    hub: Hub, made: CodedPages, job: UUID, cursor: Cursor, head: Head, coding: str
) -> AsyncGenerator[Part, None]:
    """Yield the log after a cursor, to its head: full pages as they are kept, the rest as it is.

    Raises what `continuity.read_once` does.
    """
    seam = Continuity(job, cursor, head)
    first = min(-(-cursor.seq // PAGE_EVENTS) * PAGE_EVENTS, head.seq)
    async for part in _coded_steps(hub, job, seam, first, coding):
        yield part
    async for page in _full_pages(made, job, seam, head.seq, coding):
        if (body := await made.body(page, coding)) is not None:
            yield page.last - page.after, body
        else:
            async for part in large_parts(hub, page, coding):
                yield part
        seam.skip_to(page.last, page.hash)
        await asyncio.sleep(0)  # others get their turn between the pages of a long history
    async for part in _coded_steps(hub, job, seam, head.seq, coding):
        yield part


async def _full_pages(
    made: CodedPages, job: UUID, seam: Continuity, goal: int, coding: str
) -> AsyncIterator[PageKey]:
    """Yield the full pages after `seam`, which moves along, with the next ones being made."""
    while (seq := seam.cursor.seq) + PAGE_EVENTS <= goal:
        ends = range(seq, goal + 1, PAGE_EVENTS)[: LOOKED_UP + 1]
        hashes = await made.hashes(job, ends if seq else ends[1:])
        if seq and seam.hash and hashes.get(seq) != seam.hash:
            raise HistoryDiverged
        found = [
            PageKey(job, end - PAGE_EVENTS, end, hashes[end]) for end in ends[1:] if end in hashes
        ]
        if not found:
            raise Unavailable
        for number, page in enumerate(found):
            made.ahead(found[number : number + 1 + AHEAD], coding)
            yield page


async def _coded_steps(
    hub: Hub, job: UUID, seam: Continuity, goal: int, coding: str
) -> AsyncGenerator[Part, None]:
    """Yield what comes after `seam` up to `goal`, in one piece of the coding, as exports read."""
    if seam.cursor.seq >= goal:
        return
    coder, count = make_coder(coding), 0
    steps = read_once(hub, job, seam, goal)
    while (events := await export.next_block(steps)) is not None:
        count += len(events)
        if part := await asyncio.to_thread(coder.compress, events.ndjson):
            yield count, part
            count = 0
    yield count, coder.flush()
