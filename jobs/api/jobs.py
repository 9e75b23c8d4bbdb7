"""/api/jobs: submit, list, read, cancel."""

from __future__ import annotations

import re
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Body, Header, Query, Router, Status

from core.errors import BadCursor, BadRequest
from jobs import commands, feed, log
from jobs.access import visibility
from jobs.api import listing, shapes
from jobs.api.auth import principal_of
from jobs.api.schemas import (
    Accepted,
    JobOut,
    JobsOut,
    Reason,
    StateOut,
    Submission,
    error_responses,
)
from jobs.log import Cursor
from jobs.log.types import MAX_SEQ

router = Router(tags=["jobs"])

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="Unique per user.")
]
ReasonBody = Annotated[Reason | None, Body()]
ACCEPTED = {202: Accepted, **error_responses(403, 404, 409)}


StepsAfter = Annotated[int, Query(ge=0, le=MAX_SEQ, description="So many steps are passed over.")]


def checked_key(key: str | None) -> str | None:
    """Return an Idempotency-Key as it came. Raises BadRequest if it is not one."""
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key has 1 to 200 visible ASCII characters.")
    return key


@router.post(
    "",
    response={200: JobOut, 201: JobOut, **error_responses(403, 409, 413, 422, 429)},
    by_alias=True,
)
def submit(
    request: HttpRequest,
    response: HttpResponse,
    wish: Submission,
    idempotency_key: IdempotencyKey = None,
) -> Status[dict[str, Any]]:
    """Submit a job.

    201 and the job. With an `Idempotency-Key` the same request again is answered 200 with the same
    job, and another request under that key 409 `idempotency_conflict`.
    """
    principal = principal_of(request)
    row, created = commands.submit(
        principal,
        wish.kind,
        wish.params,
        title=wish.title or None,
        labels=wish.labels,
        idempotency_key=checked_key(idempotency_key),
        start_at=wish.start_at,
        priority=wish.priority,
        allow_past=wish.allow_past,
    )
    response["Location"] = f"/api/jobs/{row.pk}"
    return Status(201 if created else 200, shapes.job_json(principal, row))


@router.get("", response={200: JobsOut, **error_responses(403)}, by_alias=True)
def list_jobs(request: HttpRequest, filters: Query[listing.JobFilters]) -> dict[str, Any]:
    """List the jobs that you may see, newest first.

    A page has fewer jobs than `limit` where these come to half a megabyte.
    """
    principal = principal_of(request)
    visibility.require_act(principal, "view")
    # Before the rows: what moves in between comes twice rather than never.
    position = feed.feed_end()
    rows, after = listing.list_jobs(principal, filters)
    jobs = [shapes.job_json(principal, row, brief=filters.brief) for row in rows]
    counts = listing.count_by_status(principal, filters) if filters.counts else None
    return {"jobs": jobs, "next": after, "position": position, "counts": counts}


@router.get("/{job_id}", response={200: StateOut, **error_responses(404, 409)}, by_alias=True)
def read_job(
    request: HttpRequest, job_id: str, at: str | None = None, steps_after: StepsAfter = 0
) -> dict[str, Any]:
    """Return the job folded from its log: at the head, or as it was `at` a seq (or a cursor).

    Steps come up to half a megabyte: `steps_next` is the `steps_after` of the next ones.
    """
    principal = principal_of(request)
    row = visibility.job_for(principal, job_id)
    seq = row.head
    if at is not None:
        cursor = Cursor.parse(at)
        if cursor.seq == 0:
            raise BadCursor("A job's first state is at 1.")
        log.check_cursor(row.pk, cursor)
        seq = cursor.seq
    return shapes.state_json(principal, row, seq, steps_after)


@router.post("/{job_id}/cancel", response=ACCEPTED)
def cancel(request: HttpRequest, job_id: str, said: ReasonBody = None) -> Status[dict[str, int]]:
    """Ask the job to stop between two steps; 409 `not_now` where it stops already, or is over."""
    return accepted(commands.cancel(principal_of(request), job_id, (said or Reason()).reason))


def accepted(receipt: log.Appended) -> Status[dict[str, int]]:
    """Return the answer to a call that has appended an event."""
    return Status(202, {"seq": receipt.last})
