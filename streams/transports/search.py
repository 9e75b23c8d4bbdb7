"""`GET /api/jobs/<id>/search`: where a log has a text, or what a filter shows, as it is found.

A search reads a log as an export does, and is a follower for as long as it lasts: limits, the check
of access and the drain hold here too. It looks through a page in a thread, and rests after that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.errors import BadParameter
from jobs.log import Cursor, Head
from jobs.log.state import state_at
from streams import process
from streams.counters import counters
from streams.followers import access
from streams.followers.disconnect_notice import Notice
from streams.followers.limits import over_limit
from streams.followers.registry import Follower, current_followers
from streams.hub.continuity import Continuity, read_once
from streams.hub.hub import Hub
from streams.search.criteria import Criteria, failed_places
from streams.search.scan import Scan
from streams.transports import detached
from streams.transports.export import NDJSON
from streams.transports.http import STREAM_HEADERS, explain_error, readable_view, whole_parameter
from streams.wire import Events

SEARCH = "search"
# How many may search at a time: in this process, and of them one person.
MOST_SEARCHES, MOST_OF_USER = 16, 4
LONGEST_TEXT = 1000
DEFAULT_LIMIT, MAX_LIMIT = 10_000, 1_000_000
MAX_SEQ = 2**53
# Who begins in the middle reads so many events before that: lines may have begun there.
LEAD = 1000
# A search from the end goes through stretches, the first one short so that hits come soon.
FIRST_STRETCH, LONGEST_STRETCH = 2000, 32_000
PROGRESS_SECONDS = 0.25
# After a page, for each second that it took: followers in this process have their turn.
REST_SECONDS = 0.5


@dataclass(slots=True)
class Search:
    """A search of a job's log after seq `after` up to `last`; `down`: the newest first.

    `seq` and `hits` say how far it has come: up to that seq, or down to it.
    """

    job: UUID
    criteria: Criteria
    after: int
    last: int
    head: int
    limit: int
    down: bool
    seq: int = field(init=False)
    hits: int = 0

    def __post_init__(self) -> None:
        self.seq = self.last if self.down else self.after

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """The stretches in which it goes through the log, each after one seq up to another."""
        found, high, length = [], self.last, FIRST_STRETCH if self.down else MAX_SEQ
        while high > self.after:
            low = max(high - length, self.after)
            found.append((low, high))
            high, length = low, min(2 * length, LONGEST_STRETCH)
        return found

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to look at."""
        return self.seq <= self.after if self.down else self.seq >= self.last

    @property
    def is_full(self) -> bool:
        """Whether there are enough hits."""
        return self.hits >= self.limit

    def line(self, kind: str, **more: Any) -> bytes:
        """Return a line of the answer that says how far it has come."""
        return _json_line(kind=kind, seq=self.seq, head=self.head, hits=self.hits, **more)


@readable_view()
async def search(request: HttpRequest, job: str) -> HttpResponseBase:
    """Answer with hits as they are found, a JSON object a line."""
    job_id = access.job_id(job)
    follower = await access.admit_follower(request, job_id, SEARCH)
    _check_room(follower)
    criteria = _asked_criteria(request)
    after = whole_parameter(request, "after", 0, 0, MAX_SEQ)
    before = whole_parameter(request, "before", MAX_SEQ, 1, MAX_SEQ)
    limit = whole_parameter(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    down = _choice(request, "order", "up", "down") == "down"
    hub = await process.current_hub()
    head = await hub.check(job_id, Cursor(0))
    if criteria.failed is not None:
        places = failed_places(await access.in_thread(state_at, job_id))
        criteria = replace(criteria, failed=places)
    last = max(min(head.seq, before - 1), after)
    asked = Search(job_id, criteria, after, last, head.seq, limit, down)
    lines = _answer_lines(hub, asked, head, follower.notice, request.path)
    return detached.detached_stream(request, lines, {"Content-Type": NDJSON, **STREAM_HEADERS})


def _check_room(follower: Follower) -> None:
    """Raise OverLimit if too many search already, this one among them."""
    searching = [one for one in current_followers().all() if one.transport == SEARCH]
    own = [one for one in searching if one.principal.user.pk == follower.principal.user.pk]
    if len(own) > MOST_OF_USER:
        counters.add("refused", "user")
        raise over_limit("of yours search on this server", 1, 3)
    if len(searching) > MOST_SEARCHES:
        counters.add("refused", "process")
        raise over_limit("search on this server. Try again later", 1, 3)


def _asked_criteria(request: HttpRequest) -> Criteria:
    text = request.GET.get("text", "")
    if len(text) > LONGEST_TEXT or "\n" in text:
        raise BadParameter("text", f"text is one line of at most {LONGEST_TEXT:,} characters.")
    return Criteria(
        text=text,
        target=request.GET.get("target"),
        step=request.GET.get("step"),
        stream=_choice(request, "stream", "", "out", "err"),
        failed=frozenset() if _choice(request, "failures", "0", "1") == "1" else None,
    )


def _choice(request: HttpRequest, name: str, default: str, *others: str) -> str:
    value = request.GET.get(name, default)
    if value not in (default, *others):
        raise BadParameter(name, f"{name} is {' or '.join(filter(None, (default, *others)))}.")
    return value


async def _answer_lines(
    hub: Hub, asked: Search, head: Head, notice: Notice, path: str
) -> AsyncGenerator[bytes, None]:
    """Yield the answer; an error, or a notice, is the last line in place of the end."""
    time = asyncio.get_running_loop().time
    told = time()
    try:
        async with aclosing(_find_hits(hub, asked, head)) as found:
            async for hits in found:
                notice.check()
                line = _json_line(kind="hits", seqs=hits) if hits else b""
                if time() - told > PROGRESS_SECONDS:
                    told, line = time(), line + asked.line("progress")
                counters.sent(SEARCH, 0, len(line))
                if line:
                    yield line
        yield asked.line("end", complete=asked.is_complete)
    except Exception as exc:  # noqa: BLE001 - the edge: logged, and told to the client
        error = explain_error(path, exc)
        yield _json_line(
            kind="error", code=error.code, message=error.message, retry_after_s=error.retry_after_s
        )


async def _find_hits(hub: Hub, asked: Search, head: Head) -> AsyncGenerator[list[int], None]:
    """Yield the hits of page after page, mostly none, until there are enough."""
    lead = LEAD if asked.criteria.text else 0
    for low, high in asked.stretches:
        scan = Scan(asked.criteria)
        start = max(low - lead, 0)
        async with aclosing(_read_ahead(hub, asked.job, head, start, low, high)) as pages:
            async for events in pages:
                hits = await _look_through(scan, events)
                if events.last <= low:
                    continue  # what ends in the lead is not of this stretch
                asked.hits += len(hits)
                if not asked.down:
                    asked.seq = events.last
                yield hits
                if asked.is_full and not asked.down:
                    return
        if high == head.seq:  # what has not ended there is as it is now
            hits = await asyncio.to_thread(scan.finish)
            asked.hits += len(hits)
            yield hits
        asked.seq = low if asked.down else high
        if asked.is_full:
            return


async def _look_through(scan: Scan, events: Events) -> list[int]:
    """Return the hits of a page, in this search's turn."""
    time = asyncio.get_running_loop().time
    async with current_followers().search_turns:
        began = time()
        hits = await asyncio.to_thread(scan.take, events.lines)
        await asyncio.sleep((time() - began) * REST_SECONDS)
    return hits


async def _read_ahead(
    hub: Hub, job: UUID, head: Head, start: int, low: int, high: int
) -> AsyncGenerator[Events, None]:
    """Yield what comes after `start` up to `low`, then up to `high`; reads a page in advance."""
    pages = _read_both(hub, job, head, start, low, high)
    reading = asyncio.ensure_future(anext(pages, None))
    try:
        while (events := await reading) is not None:
            reading = asyncio.ensure_future(anext(pages, None))
            yield events
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading


async def _read_both(
    hub: Hub, job: UUID, head: Head, start: int, low: int, high: int
) -> AsyncGenerator[Events, None]:
    seam = Continuity(job, Cursor(start), head)
    for goal in (low, high):
        async for events in read_once(hub, job, seam, goal):
            yield events


def _json_line(**members: Any) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
