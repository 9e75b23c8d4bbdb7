"""`GET /api/jobs/<id>/events`: a page of the log, held until there is one, or an export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from core.errors import BadParameter, RetryLater
from core.words import split_list
from jobs.events import EventType
from jobs.log import Cursor, Head
from jobs.log.types import ANSWER_BYTES
from streams import process, wire
from streams.followers import access
from streams.followers.disconnect_notice import Notice
from streams.followers.registry import LONG_POLL
from streams.hub.continuity import Continuity, catch_up, read_once
from streams.hub.followed import Followed
from streams.hub.hub import Hub
from streams.transports import detached, export
from streams.transports.http import asked_resume, number_parameter, readable_view, whole_parameter

DEFAULT_LIMIT, MAX_LIMIT = 1000, 10_000
MAX_WAIT_SECONDS = 25.0
# Of one answer: a filter may look at many without a hit.
MAX_SCANNED = 100_000


@readable_view()
async def events(request: HttpRequest, job: str) -> HttpResponseBase:
    """Answer with what comes after a cursor."""
    job_id = access.job_id(job)
    wait = number_parameter(request, "wait", 0, 0, MAX_WAIT_SECONDS)
    exports = export.is_asked(request)
    notice = Notice()
    if exports or wait:
        transport = export.EXPORT if exports else LONG_POLL
        notice = (await access.admit_follower(request, job_id, transport)).notice
    else:  # who only reads a page takes no room
        await access.allow_reading(request, job_id)
    cursor = asked_resume(request).cursor
    limit = whole_parameter(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    types = frozenset(split_list(request.GET.getlist("types")))  # none of them: all
    if unknown := sorted(types - set(EventType)):
        raise BadParameter("types", f"There is no type {unknown[0]!r} of events.")
    hub = await process.current_hub()
    head = await hub.check(job_id, cursor)
    if exports:
        lines = _export_lines(hub, job_id, cursor, head, types)
        return export.response(request, lines, notice, f"job-{job_id}")
    page = Page(cursor, limit, types)
    no_body = request.method == "HEAD"
    make = partial(_page_response, hub, job_id, head, page, wait, notice, no_body=no_body)
    return await detached.detached_response(request, make) if wait else await make()


async def _page_response(
    hub: Hub, job: UUID, head: Head, page: Page, wait: float, notice: Notice, *, no_body: bool
) -> HttpResponse:
    await fill_page(hub, job, head, page, wait, notice)
    body = b"" if no_body else page.envelope(job)
    hub.counters.sent(LONG_POLL, len(page.texts), len(body))
    return HttpResponse(body, content_type=export.JSON, headers={"Cache-Control": "no-store"})


@dataclass(slots=True)
class Page:
    """One answer in the making: what fits, and how far the log has been looked at."""

    cursor: Cursor
    limit: int
    types: frozenset[str]
    texts: list[str] = field(default_factory=list)
    next: Cursor = field(init=False)
    head: int = 0
    status: str = ""
    end: bool = False
    _room: int = ANSWER_BYTES
    _scanned: int = 0

    def __post_init__(self) -> None:
        self.next = self.cursor

    @property
    def full(self) -> bool:
        """Whether this answer ends here, though the log may go on."""
        return len(self.texts) >= self.limit or self._room <= 0 or self._scanned >= MAX_SCANNED

    def take(self, events: wire.Events) -> None:
        """Take what fits; `next` counts every event that was looked at."""
        seq, text = events.after, ""
        for text in events.texts:
            seq += 1
            if not self.types or wire.type_of(text) in self.types:
                self.texts.append(text)
                self._room -= wire.utf8_size(text)
            self._scanned += 1
            if self.full:
                break
        self.next = Cursor(seq, wire.hash_prefix(text))

    def note(self, live: Followed) -> None:
        """Say where the job stands."""
        self.head = max(live.head, self.next.seq)
        self.status = live.status
        self.end = live.ends_at(self.next)

    def envelope(self, job: UUID) -> bytes:
        """Return the answer."""
        return wire.page_json(
            job, self.texts, after=str(self.cursor), next=str(self.next),
            head=self.head, status=self.status, end=self.end,
        )  # fmt: skip


async def fill_page(
    hub: Hub, job: UUID, head: Head, page: Page, wait: float, notice: Notice
) -> None:
    """Take what is there, and wait for it where there is nothing; for a notice no longer."""
    give_up = asyncio.get_running_loop().time() + wait
    seam = Continuity(job, page.cursor, head)
    with notice.resting():
        while True:
            # Who does not wait needs no hints.
            following = hub.follow(job, head) if wait else nullcontext(hub.snapshot(job, head))
            with following as live:
                await _fill_from(hub, live, seam, page, give_up, notice)
            if page.texts or not live.outdated:
                break
            head = await hub.check(job, seam.cursor)
    if not isinstance(notice.error, RetryLater):
        notice.check()


async def _fill_from(
    hub: Hub, live: Followed, seam: Continuity, page: Page, give_up: float, notice: Notice
) -> None:
    time = asyncio.get_running_loop().time
    while not live.outdated:
        # A heal reads pages, which may be ahead of the news: both say that there is more.
        async for events in catch_up(hub, live, seam, max(live.head, live.ring.last)):
            page.take(events)
            if page.full:
                break
        page.note(live)
        if page.texts or page.full or page.end or time() >= give_up or notice.error:
            return
        if page.next.seq >= max(live.head, live.ring.last):
            await live.changed.wait(give_up - time(), notice)


async def _export_lines(
    hub: Hub, job: UUID, cursor: Cursor, head: Head, types: frozenset[str]
) -> AsyncGenerator[bytes, None]:
    async for events in read_once(hub, job, Continuity(job, cursor, head), head.seq):
        if types:
            found = [text for text in events.texts if wire.type_of(text) in types]
            yield "".join(f"{text}\n" for text in found).encode()
        else:
            yield events.ndjson
