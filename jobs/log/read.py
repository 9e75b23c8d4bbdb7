"""Reading the log over Django's connection. The hub's twin over its own pool is `AsyncReader`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from core.errors import CursorAhead, HistoryDiverged, NotFound
from jobs.log import archived_events, sql
from jobs.log.sql import fetch_rows
from jobs.log.types import PAGE_BYTES, Cursor, Head, Page

PAGE_EVENTS = 1000


def read(job_id: UUID, after: int = 0, limit: int = PAGE_EVENTS) -> Page:
    """Return up to `limit` events after seq `after`; an empty page, and no other, at the head.

    A page ends early where its texts come to PAGE_BYTES. Raises HistoryExpired if the events
    were archived and the archive is gone.
    """
    values = page_values(job_id, after, limit)
    [(cut, last, lines)] = fetch_rows(sql.LARGE_PAGE if limit > PAGE_EVENTS else sql.PAGE, values)
    if cut and not lines:
        [(cut, last, lines)] = fetch_rows(sql.LARGE_PAGE, values)
    return Page(after, last, lines, cut) if lines else _archived_page(job_id, after, limit)


def read_history(job_id: UUID, after: int = 0, limit: int = PAGE_EVENTS) -> Iterator[Page]:
    """Yield the log from `after` to its head, a page at a time, in constant memory."""
    while len(page := read(job_id, after, limit)):
        yield page
        after = page.last


def printed_characters(job_id: UUID) -> int:
    """Return how many characters of output the job's steps have in the log."""
    return int(fetch_rows(sql.PRINTED, [job_id])[0][0])


def read_attempts(job_id: UUID) -> list[str]:
    """Return the events that open attempts, and those of waits, since the run last got on."""
    return [text for (text,) in fetch_rows(sql.ATTEMPTS, {"job": job_id})]


def newest_of_type(job_id: UUID, type_: str, limit: int = 100) -> list[str]:
    """Return a job's newest events of a type, the newest first; none of an archived job's."""
    return [text for (text,) in fetch_rows(sql.NEWEST_OF_TYPE, [job_id, type_, limit])]


def read_head(job_id: UUID) -> Head | None:
    """Return the job's head, None for an unknown job."""
    rows = fetch_rows(sql.HEADS, [[job_id]])
    return Head(*rows[0][1:]) if rows else None


def check_cursor(job_id: UUID, cursor: Cursor) -> Head:
    """Return the head where `cursor` is a place in this log.

    Raises NotFound, CursorAhead, HistoryDiverged and HistoryExpired.
    """
    found = compare_cursor(read_head(job_id), cursor)
    if cursor.hash8:
        rows = fetch_rows(sql.HASH_AT, [job_id, cursor.seq])
        row = rows[0] if rows else hash_of(_archived_page(job_id, cursor.seq - 1, 1))
        match_hash(row, cursor)
    if archived_events.may_be(job_id, found, cursor):
        needed = fetch_rows(archived_events.NEEDED, {"job": job_id, "after": cursor.seq})
        archived_events.check_there(needed)
    return found


def _archived_page(job_id: UUID, after: int, limit: int) -> Page:
    values = {"job": job_id, "after": after, "limit": limit}
    return archived_events.page_of_places(after, limit, fetch_rows(archived_events.PLACES, values))


def page_values(
    job_id: UUID, after: int, limit: int, most_bytes: int = PAGE_BYTES
) -> dict[str, Any]:
    """Return what sql.PAGE and LARGE_PAGE are asked with."""
    return {"job": job_id, "after": after, "limit": limit, "bytes": most_bytes}


def compare_cursor(found: Head | None, cursor: Cursor) -> Head:
    """Return the head unless there is none (NotFound) or it is before the cursor (CursorAhead)."""
    if found is None:
        raise NotFound
    if cursor.seq > found.seq:
        raise CursorAhead(
            f"The cursor {cursor} is beyond the head, {found.seq}: start again from 0.",
            head=found.seq,
        )
    return found


def hash_of(page: Page) -> tuple[str, ...] | None:
    """Return the hash of a page's last event as a row of HASH_AT; None for an empty page."""
    return (page.lines[-66:-2],) if page.lines else None


def match_hash(row: tuple[str, ...] | None, cursor: Cursor) -> None:
    """Raise HistoryDiverged unless the stored hash begins with the cursor's digits."""
    if row is None or not row[0].startswith(cursor.hash8 or ""):
        raise HistoryDiverged
