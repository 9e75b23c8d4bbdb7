"""/api/audit: the feed of all events that you may see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import Field

from core.negotiation import preferred_type
from jobs import feed
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.api.auth import principal_of
from jobs.api.fields import JobId, Moment, Text
from jobs.api.listing import require_kind
from jobs.api.schemas import AuditOut, error_responses
from jobs.events import EventType, one_line
from jobs.feed import AuditFilter, AuditRow
from jobs.log.months import archived_before
from jobs.log.types import MAX_SEQ

router = Router(tags=["audit"])

MAX_LIMIT = 1000
JSON, LINES = "application/json", "application/x-ndjson"


class AuditQuery(Schema):
    """The query of GET /api/audit: every filter given must hold."""

    job: JobId | None = None
    kind: Text | None = Field(None, description="The job's kind.")
    actor: Text | None = Field(None, description="`user:<name>`, `worker:<id>`, `system`, …")
    type: EventType | None = None
    since: Moment | None = Field(None, description="At this time or later.")
    until: Moment | None = Field(None, description="Happened before then.")
    target: Text | None = Field(None, description="The event's target.")
    text: Text | None = Field(None, description="Part of the event's text or the job's title.")
    output: bool = Field(True, description="False leaves out output and progress of steps.")
    progress: bool = Field(True, description="False leaves out how far the job is.")
    after: int | None = Field(None, ge=0, le=MAX_SEQ, description="Newer than this position.")
    before: int | None = Field(None, ge=0, le=MAX_SEQ, description="Older than this position.")
    limit: int = Field(100, ge=1, le=MAX_LIMIT)

    @property
    def filters(self) -> AuditFilter:
        """The filters as the feed takes them."""
        return AuditFilter(**{name: getattr(self, name) for name in AuditFilter.__slots__})


@router.get("", response={200: AuditOut, **error_responses(403)})
def audit(request: HttpRequest, query: Query[AuditQuery]) -> HttpResponseBase:
    """Return a page of events, newest first: `next` is the `before` of the older page, `previous`
    the `after` of the newer one. Events of jobs from before the month `archived_before` are in
    archives and not listed; each job's own history still has them.

    A page has fewer events than `limit` where these come to half a megabyte. With `text` or
    `target` a page looks at 100,000 events: it may have none and still a `next`.

    With `Accept: application/x-ndjson`: every event that passes, oldest first, one a line, to the
    end; `limit` does not count, and the last line's position is the `after` to go on from. One that
    may not go on is cut.
    """
    principal = principal_of(request)
    visibility.require_act(principal, "view")
    if query.kind:
        require_kind(principal, query.kind, visibility.visible_jobs(principal))
    if preferred_type(request, JSON, LINES) == LINES:
        return StreamingHttpResponse(_export_lines(principal, query), content_type=LINES)
    page = feed.read_audit(
        principal, query.filters, after=query.after, before=query.before, limit=query.limit
    )
    archived = archived_before()
    members = {"next": page.next, "previous": page.previous}
    tail = json.dumps({**members, "archived_before": str(archived) if archived else None})
    body = f'{{"events":[{",".join(map(_row_line, page.rows))}],{tail[1:]}'
    return HttpResponse(body, content_type=JSON)


async def _export_lines(principal: Principal, query: AuditQuery) -> AsyncIterator[bytes]:
    """Yield the export a page at a time."""
    async for rows in feed.export_rows(principal, query.filters, query.after or 0, query.before):
        yield rows_as_lines(rows)


def rows_as_lines(rows: Iterable[AuditRow]) -> bytes:
    """Return rows as NDJSON."""
    return "".join(f"{_row_line(row)}\n" for row in rows).encode()


def _row_line(row: AuditRow) -> str:
    """Return a row as JSON around the event's own text, byte for byte."""
    members = asdict(row)
    text = members.pop("text")
    return f'{one_line(json.dumps(members, ensure_ascii=False))[:-1]}, "event": {text}}}'
