"""/api/audit: the feed of all events that you may see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from channels.db import database_sync_to_async
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
    output: bool = Field(True, description="False leaves out output and progress of steps.")
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

    A page has fewer events than `limit` where these come to half a megabyte.

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
    """Yield the export a page at a time; between pages no connection is held."""
    read = database_sync_to_async(feed.read_audit, thread_sensitive=False)
    after, before, filters, limit = query.after or 0, query.before, query.filters, MAX_LIMIT
    while True:
        page = await read(principal, filters, after=after, before=before, limit=limit)
        if not page.rows:
            return
        yield "".join(f"{_row_line(row)}\n" for row in reversed(page.rows)).encode()
        after = page.rows[0].position
        # Postgres looks at all that might be in a page: of large events few are.
        limit = min(2 * len(page.rows), MAX_LIMIT)


def _row_line(row: AuditRow) -> str:
    """Return a row as JSON around the event's own text, byte for byte."""
    members = asdict(row)
    text = members.pop("text")
    return f'{one_line(json.dumps(members, ensure_ascii=False))[:-1]}, "event": {text}}}'
