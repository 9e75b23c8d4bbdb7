"""`GET /api/jobs/<id>/pages`: a job's history as resources that a browser or a proxy may keep.

A page has a thousand events at a fixed place (1 to 1000, 1001 to 2000 …) and is addressed by the
cursor of its last event, so that what is there never changes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response

from core.errors import NotFound, Unavailable
from core.negotiation import IDENTITY, preferred_coding, preferred_type
from jobs.log import Cursor, Head
from jobs.log.read import compare_cursor
from streams import process
from streams.counters import counters
from streams.followers import access
from streams.followers.disconnect_notice import Notice
from streams.followers.registry import current_followers
from streams.hub.coded_pages import GZIP, PAGE_EVENTS, ZSTD, CodedPages, PageKey
from streams.hub.hub import Hub
from streams.transports import detached, export
from streams.transports.coded_parts import Part, joined_parts, large_parts
from streams.transports.http import STREAM_HEADERS, asked_resume, readable_view

PAGES = "pages"
ZSTD_FILE = "application/zstd"
MOST_LISTED = 10_000
FOR_EVER = "private, max-age=31536000, immutable"
ASKED_AGAIN = "private, no-cache"
NOT_KEPT = "private, no-store"
VARY = "Accept-Encoding, Authorization, Cookie"


@readable_view()
async def pages(request: HttpRequest, job: str) -> HttpResponseBase:
    """Answer with the cursors of all full pages after a cursor, or with the log after it."""
    job_id = access.job_id(job)
    form = preferred_type(request, export.JSON, export.NDJSON, ZSTD_FILE)
    if form != export.JSON:
        return await _joined_pages(request, job_id, form)
    await access.allow_reading(request, job_id)
    cursor = asked_resume(request).cursor
    hub, made = await process.current_hub(), await process.current_pages()
    head = await hub.check(job_id, cursor)
    headers = {"ETag": f'W/"{head.cursor}"', "Cache-Control": ASKED_AGAIN, "Vary": VARY}
    if (unchanged := _unchanged_answer(request, headers)) is not None:
        return unchanged
    listed = await list_pages(made, job_id, cursor, head)
    return HttpResponse(listed, content_type=export.JSON, headers=headers)


@readable_view()
async def page(request: HttpRequest, job: str, cursor: str) -> HttpResponseBase:
    """Answer with the page that ends with the event at a cursor."""
    job_id = access.job_id(job)
    seen = current_followers().changes
    reader = await access.allow_reading(request, job_id)
    asked = Cursor.parse(cursor)
    if not asked.seq or asked.seq % PAGE_EVENTS:
        raise NotFound(f"No page ends with the event {asked.seq}: each has {PAGE_EVENTS} events.")
    hub, made = await process.current_hub(), await process.current_pages()
    found = await _find_page(hub, made, job_id, asked)
    coding = preferred_coding(request, ZSTD, GZIP, IDENTITY)
    headers = _page_headers(asked, found, coding)
    if (unchanged := _unchanged_answer(request, headers)) is not None:
        return unchanged
    if (body := await made.body(found, coding)) is None:
        follower = access.register_reader(request, reader, job_id, export.EXPORT, seen)
        parts = _until_notice(large_parts(hub, found, coding), follower.notice)
        return detached.detached_stream(request, parts, headers)
    counters.sent(PAGES, found.last - found.after, len(body))
    return HttpResponse(body, headers=headers)


def _unchanged_answer(request: HttpRequest, headers: dict[str, str]) -> HttpResponseBase | None:
    """Return the answer to a client that has what these headers are of; None to any other."""
    if "ETag" not in headers:
        return None
    whole = HttpResponse(headers=headers)
    answer = get_conditional_response(request, etag=headers["ETag"], response=whole)
    return None if answer is whole else answer


async def list_pages(made: CodedPages, job: UUID, cursor: Cursor, head: Head) -> str:
    """Return the answer with the pages after a cursor, as many as there is room for."""
    first = cursor.seq - cursor.seq % PAGE_EVENTS + PAGE_EVENTS
    ends = range(first, head.seq + 1, PAGE_EVENTS)
    found = await made.hashes(job, ends[:MOST_LISTED])
    listed = sorted(found.items())
    if ends and not listed:
        raise Unavailable
    last = listed[-1][0] if listed else 0
    return json.dumps(
        {
            "job": str(job),
            "size": PAGE_EVENTS,
            "head": head.seq,
            "pages": [str(Cursor(seq, hash[:8])) for seq, hash in listed],
            "next": last if listed and last < ends[-1] else None,
        }
    )


async def _find_page(hub: Hub, made: CodedPages, job: UUID, asked: Cursor) -> PageKey:
    """Return the page that was asked for, by the cursor of its end or by its place alone.

    Raises what `Hub.check` does.
    """
    head = await hub.check(job, asked if asked.hash8 else Cursor(0))
    after, last, hash = asked.seq - PAGE_EVENTS, asked.seq, head.cursor_hash
    if last > head.seq >= after:
        last = head.seq
    compare_cursor(head, Cursor(last))
    if not hash:
        hash = head.hash if last == head.seq else (await made.hashes(job, [last])).get(last, "")
    if not hash:
        raise Unavailable
    return PageKey(job, after, last, hash)


def _page_headers(asked: Cursor, page: PageKey, coding: str) -> dict[str, str]:
    headers = {"Content-Type": export.NDJSON, "Vary": VARY, "Cache-Control": NOT_KEPT}
    if coding != IDENTITY:
        headers["Content-Encoding"] = coding
    if page.last < asked.seq:  # it is not full
        return headers
    headers["ETag"] = f'"{page.last}-{page.hash[:16]}-{coding}"'
    headers["Cache-Control"] = FOR_EVER if asked.hash8 else ASKED_AGAIN
    if not asked.hash8:
        lasting = Cursor(page.last, page.hash[:8])
        headers["Content-Location"] = reverse("page", args=[page.job, lasting])
    return headers


async def _joined_pages(request: HttpRequest, job: UUID, form: str) -> HttpResponseBase:
    """Answer with the log after a cursor, to its head, as one text or file that is made of pages.

    A file, since not every client reads a content coding of several frames.
    """
    follower = await access.admit_follower(request, job, export.EXPORT)
    cursor = asked_resume(request).cursor
    hub, made = await process.current_hub(), await process.current_pages()
    head = await hub.check(job, cursor)
    coding = ZSTD if form == ZSTD_FILE else IDENTITY
    parts = joined_parts(hub, made, job, cursor, head, coding)
    headers = {**STREAM_HEADERS, "Content-Type": form}
    return detached.detached_stream(request, _until_notice(parts, follower.notice), headers)


async def _until_notice(parts: AsyncIterator[Part], notice: Notice) -> AsyncGenerator[bytes, None]:
    async for events, body in parts:
        for at in range(0, len(body), detached.CHUNK_BYTES):
            notice.check()
            piece = body[at : at + detached.CHUNK_BYTES]
            counters.sent(export.EXPORT, 0 if at else events, len(piece))
            yield piece
