"""The feed of all jobs: every event in one order; who consumes it, and the audit's view of it.

The sequencer (`jobs.feed.sequencer`) gives the positions. One is given once, without a gap, and
means the same event for ever. See docs/explanation/log.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from core.errors import RepriseError
from jobs import log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.events import parse
from jobs.log.sql import fetch_rows
from jobs.log.types import ANSWER_BYTES, PAGE_BYTES

# Positions have no gaps, so a page is a range, which ends with the event that brings it to so many
# bytes. Its last row comes along even if nobody wants it: it says where the page ends. Rows of
# archived events have no text here, and count for nothing.
_READ = """
with found as (
  select page.position, page.job, page.seq, event.text,
         page.seq %% %(every)s = 0 and (
           %(types)s::text[] is null or event.type is null or event.type = any(%(types)s)
         ) as wanted
  from jobs_feed page left join jobs_event event on event.job = page.job and event.seq = page.seq
  where page.position > %(after)s and page.position <= %(after)s::bigint + %(limit)s
), counted as (
  select *, sum(octet_length(text)) filter (where wanted) over (
    order by position rows between unbounded preceding and 1 preceding
  ) as before
  from found
), page as (select * from counted where coalesce(before, 0) < %(bytes)s)
select position, job, seq, text, wanted from page
where wanted or position = (select max(position) from page) order by position
"""

# The page ends with the event that brings it to so many bytes; `more`: another one comes after it.
_AUDIT = """
select position, job, kind, title, imported, text, more from (
  select *, lead(position) over page is not null as more,
         sum(octet_length(text)) over page - octet_length(text) as before
  from (
    select feed.position, feed.job::text, job.kind, job.title,
           job.imported_at is not null as imported, event.text
    from jobs_feed feed
    join jobs_job job on job.id = feed.job
    join jobs_event event on event.job = feed.job and event.seq = feed.seq
    where {conditions} order by feed.position {way} limit %s
  ) found
  window page as (order by position {way} rows unbounded preceding)
) counted
where before < %s order by position {way}
"""

PAGE_EVENTS = 1000
# A page of a search looks at so many positions: what is rare must not take a whole log's time.
SEARCHED_POSITIONS = 100_000


class MissingEvents(RepriseError):
    """The feed names events that neither the log nor an archive has."""

    code = "missing_events"


class LeftOut(RepriseError):
    """The reader gives this event up: it goes on with the next one."""

    code = "left_out"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event in the feed of all jobs; `text` is the event as stored."""

    position: int
    job: UUID
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What the feed has after position `after` up to `last`, in its order."""

    after: int
    last: int
    events: list[FeedEvent]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to look for; None or "" is everything. `kind` is the job's, the rest the event's.

    `text` is looked for in the event and in the job's title, whatever the case. Without `output`,
    what steps print and how far they say they are is left out, without `progress` how far the job
    is.
    """

    job: UUID | None = None
    kind: str | None = None
    actor: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    target: str | None = None
    text: str | None = None
    output: bool = True
    progress: bool = True

    @property
    def is_search(self) -> bool:
        """Whether what passes may be so rare that a page is bounded by what it looks at."""
        return bool(self.text or self.target)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event in the feed; `text` is the event as stored."""

    position: int
    job: str
    job_kind: str
    job_title: str
    job_imported: bool
    text: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows newest first; `next` (older) and `previous` (newer): positions to page by, or None.

    A page of a search may have no rows and still a next one.
    """

    rows: list[AuditRow]
    next: int | None
    previous: int | None


def read_feed(
    after: int, limit: int = PAGE_EVENTS, *, types: Iterable[str] | None = None, every: int = 1
) -> FeedPage:
    """Return the next `limit` positions after `after`; at the feed's end `last` equals `after`.

    It ends early where the texts come to PAGE_BYTES, those that only an archive has aside. With
    `types` only events of these, with `every` only those whose seq is a multiple of it: what is
    left out is passed over all the same. Archived events come from their archive.
    """
    wanted = None if types is None else sorted(types)
    values = {"after": after, "limit": limit, "types": wanted, "every": every}
    rows = fetch_rows(_READ, {**values, "bytes": PAGE_BYTES})
    found = [FeedEvent(*row[:4]) for row in rows if row[4] and row[3] is not None]
    archived = [(row[1], row[2], row[0]) for row in rows if row[4] and row[3] is None]
    if archived:
        filled = (event for run in _job_runs(sorted(archived)) for event in _from_archive(run))
        found += [event for event in filled if wanted is None or parse(event.text).type in wanted]
        found.sort(key=attrgetter("position"))
    return FeedPage(after, rows[-1][0] if rows else after, found)


_Row = tuple[UUID, int, int]  # job, seq, position


def _job_runs(rows: list[_Row]) -> Iterator[list[_Row]]:
    """Yield rows in runs of one job's consecutive events."""
    for _, run in groupby(enumerate(rows), lambda item: (item[1][0], item[1][1] - item[0])):
        yield [row for _, row in run]


def _from_archive(run: list[_Row]) -> Iterator[FeedEvent]:
    """Yield the events of a run with their texts, which only the archive has."""
    job, first, _ = run[0]
    texts: list[str] = []
    while len(texts) < len(run):
        page = log.read(job, first - 1 + len(texts), len(run) - len(texts))
        if not page.texts:
            raise MissingEvents(
                f"The feed has events of {job} after {page.after}, the log has not."
            )
        texts += page.texts
    for (_, seq, position), text in zip(run, texts, strict=True):
        yield FeedEvent(position, job, seq, text)


def feed_end() -> int:
    """Return the feed's newest position, 0 for none."""
    rows = fetch_rows("select position from jobs_feed_state")
    return int(rows[0][0]) if rows else 0


def read_audit(
    principal: Principal,
    wanted: AuditFilter,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> AuditPage:
    """Return the newest rows, or those older than `before`, or those next newer than `after`.

    Only events of jobs that the principal may see. Rows are newest first in every case, and fewer
    than `limit` where their texts come to ANSWER_BYTES.
    """
    if not principal.has("view_job"):
        return AuditPage([], None, None)
    newer = after is not None
    conditions, values = _audit_conditions(principal, wanted)
    edge = _search_edge(after, before) if wanted.is_search else None
    if edge is not None:
        way = "<=" if newer else ">="
        conditions, values = [*conditions, f"feed.position {way} %s"], [*values, edge]
    if after is not None:
        conditions, values = [*conditions, "feed.position > %s"], [*values, after]
    if before is not None:
        conditions, values = [*conditions, "feed.position < %s"], [*values, before]
    statement = _AUDIT.format(conditions=" and ".join(conditions), way="asc" if newer else "desc")
    found = fetch_rows(statement, [*values, limit + 1, ANSWER_BYTES])[:limit]
    more = bool(found) and found[-1][-1]
    rows = [AuditRow(*row[:-1]) for row in (reversed(found) if newer else found)]
    older = rows[-1].position if rows and (more or newer) else None
    newest = rows[0].position if rows and (before is not None or (newer and more)) else None
    if edge is not None and not more:
        return AuditPage(rows, older, edge) if newer else AuditPage(rows, edge, newest)
    return AuditPage(rows, older, newest)


def _search_edge(after: int | None, before: int | None) -> int | None:
    """Return the last position that a page of a search looks at, None for the feed's own end."""
    end = feed_end()
    if after is None:
        edge = (end + 1 if before is None else min(before, end + 1)) - SEARCHED_POSITIONS
        return edge if edge > 1 else None
    edge = after + SEARCHED_POSITIONS
    return edge if edge < (end if before is None else min(before - 1, end)) else None


def _audit_conditions(principal: Principal, wanted: AuditFilter) -> tuple[list[str], list[Any]]:
    checks = (
        ("feed.job = %s", wanted.job),
        ("job.kind = %s", wanted.kind),
        ("event.actor = %s", wanted.actor),
        ("event.type = %s", wanted.type),
        ("event.at >= %s", wanted.since),
        ("event.at < %s", wanted.until),
        ("event.target = %s", wanted.target),
    )
    conditions = ["true", *(check for check, value in checks if value)]
    values: list[Any] = [value for _, value in checks if value]
    if not wanted.output:
        conditions.append("event.type not in ('step.output', 'step.progressed')")
    if not wanted.progress:
        conditions.append("event.type <> 'job.progressed'")
    if wanted.text:
        found = [
            f"strpos(lower({column}), lower(%s)) > 0" for column in ("event.text", "job.title")
        ]
        conditions.append(f"({' or '.join(found)})")
        values += [json.dumps(wanted.text, ensure_ascii=False)[1:-1], wanted.text]
    if not principal.visibility.is_unlimited:
        visible, params = visibility.visible_jobs(principal).values("pk").query.sql_with_params()
        conditions.append(f"feed.job in ({visible})")
        values += params
    return conditions, values
