"""/api/jobs/<id>/fork: a new job that goes on from what another one has recorded."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Body, Query, Router, Schema, Status
from pydantic import Field, PlainValidator

from core.errors import BadParameter
from jobs.access import visibility
from jobs.api import shapes
from jobs.api.auth import principal_of
from jobs.api.jobs import IdempotencyKey, checked_key
from jobs.api.paging import fit_page
from jobs.api.schemas import JobOut, RequestBody, error_responses
from jobs.commands.fork import At, ForkPlan, fork, plan_fork
from jobs.events.kept_steps import KeptRow
from jobs.log.types import MAX_SEQ
from jobs.models import MAX_TARGET

router = Router(tags=["jobs"])

MAX_ROWS = 1000
MAX_TARGETS = 10_000
MAX_DIGITS = 20


def _read_at(value: Any) -> At:
    """Return a seq or "failed"; ValueError for anything else. One error, whatever the value is."""
    if value == "failed":
        return "failed"
    if type(value) is int and 1 <= value <= MAX_SEQ:
        return value
    raise ValueError(f"must be failed, or an event's number from 1 to {MAX_SEQ}")


_AS_SHOWN = Annotated[int, Field(ge=1, le=MAX_SEQ)] | Literal["failed"]


class Fork(RequestBody):
    """The body of POST …/fork; left out: `{"at": "failed"}`."""

    at: Annotated[
        Any,
        PlainValidator(_read_at, json_schema_input_type=_AS_SHOWN),
        Field(
            description="The seq up to which recorded results are kept; `failed`: each target goes "
            "on from its failed step."
        ),
    ] = "failed"
    targets: (
        Annotated[
            list[Annotated[str, Field(max_length=MAX_TARGET)]],
            Field(max_length=MAX_TARGETS, description="Only these of the job's targets."),
        ]
        | None
    ) = None
    params: dict[str, Any] | None = Field(
        default=None, description="Members that replace those of the job's params; the others stay."
    )


class RowOut(Schema):
    """What is kept on a target (null: of the steps without one); `again`: what runs again first."""

    target: str | None
    kept: int
    again: str | None


class ForkPlanOut(Schema):
    """What a fork would keep, up to the event `seq`.

    `words` say from where it goes on, `kept` is the number of steps. `rows` are those with steps
    that run again; there are `rows_more` others.
    """

    seq: int
    hash: str
    words: str
    kept: int
    rows: list[RowOut]
    rows_more: int


@router.get(
    "/{job_id}/fork", response={200: ForkPlanOut, **error_responses(403, 404, 409, 410, 422)}
)
def read_fork_plan(
    request: HttpRequest,
    job_id: str,
    at: Annotated[
        str, Query(description="As in the body of the POST: a seq, or `failed`.")
    ] = "failed",
) -> dict[str, Any]:
    """Return what a fork of the job would keep and what it would run again; nothing is made."""
    moment = _read_asked_at(at)
    principal = principal_of(request)
    row = visibility.job_for(principal, job_id, "steer")
    visibility.require_act(principal, "steer", row)
    return _plan_json(plan_fork(row, moment))


@router.post(
    "/{job_id}/fork",
    response={200: JobOut, 201: JobOut, **error_responses(403, 404, 409, 410, 413, 422, 429)},
    by_alias=True,
)
def make_fork(
    request: HttpRequest,
    response: HttpResponse,
    job_id: str,
    wish: Annotated[Fork | None, Body()] = None,
    idempotency_key: IdempotencyKey = None,
) -> Status[dict[str, Any]]:
    """Submit a new job that keeps the steps of an ended one, and goes on from there.

    What is kept is not run again. 201 and the job; 200 and the earlier one for the same
    `Idempotency-Key`, job and body. 409 `not_now` where the job is not over or nothing failed, and
    `prefix_changed` where its log is not what was recorded.
    """
    principal, wish = principal_of(request), wish or Fork()
    old: UUID = visibility.job_for(principal, job_id, "steer").pk
    key = checked_key(idempotency_key)
    made, created = fork(principal, old, wish.at, wish.targets, wish.params, key)
    response["Location"] = f"/api/jobs/{made.pk}"
    return Status(201 if created else 200, shapes.job_json(principal, made))


def _read_asked_at(text: str) -> At:
    """Return what a query asks for; BadParameter for what is neither a seq nor "failed"."""
    is_number = text.isascii() and text.isdecimal() and len(text) < MAX_DIGITS
    try:
        return _read_at(int(text) if is_number else text)
    except ValueError as error:
        raise BadParameter("at", f"at {error}.") from error


def _plan_json(plan: ForkPlan) -> dict[str, Any]:
    rows = [_row_json(row) for row in plan.rows if row.again]
    shown, _more = fit_page(rows, MAX_ROWS)
    return {
        "seq": plan.seq,
        "hash": plan.hash,
        "words": plan.words,
        "kept": len(plan.kept),
        "rows": shown,
        "rows_more": len(rows) - len(shown),
    }


def _row_json(row: KeptRow) -> dict[str, Any]:
    again = row.again.name if row.again else None
    return {"target": row.target, "kept": len(row.kept), "again": again}
