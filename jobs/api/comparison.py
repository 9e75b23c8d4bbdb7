"""/api/jobs/<id>/compare/<other>: two runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from core import clock
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.api.auth import principal_of
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.api.schemas import error_responses
from jobs.api.shapes import MAX_STEPS
from jobs.events.comparison import Comparison, Run, StepPair, ValueDifference, compare_runs
from jobs.events.fold import StepState, Summary
from jobs.log.state import state_at
from jobs.log.types import MAX_SEQ
from jobs.models import Job

router = Router(tags=["jobs"])

StepsAfter = Annotated[int, Query(ge=0, le=MAX_SEQ, description="So many steps are passed over.")]


class RunOut(Schema):
    """One of two runs. `seconds` from its start to its end, null before that."""

    id: UUID
    kind: str
    title: str
    status: str
    message: str
    submitted_by: str
    submitted_at: str | None
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    attempt: int
    done: int
    total: int
    failed: int
    retry_of: UUID | None


class ValueDifferenceOut(Schema):
    """Where parameters differ: lists of the value on each side, empty where there is none.

    With `items`, the value is a list, and these are its items that the other one has not.
    """

    pointer: str
    left: list[Any]
    right: list[Any]
    items: bool


class ComparedStep(Schema):
    """A step in one of the runs."""

    status: str
    tries: int = Field(alias="try")
    attempt: int
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    error: Any


class StepPairOut(Schema):
    """A step of two runs, null in the one without it; `differs`: of status, try and error."""

    step: str
    target: str | None
    occurrence: int
    differs: list[str]
    left: ComparedStep | None
    right: ComparedStep | None


class StepCounts(Schema):
    """How many steps are the same, differ, and are in one run only."""

    same: int
    different: int
    only_left: int
    only_right: int


class ComparisonOut(Schema):
    """Two runs: `left` is the first one of the address.

    `outcome` is which of kind and status differ. Steps that differ come first, then those of one
    run; `first` is the first of these. `steps_next` is the `steps_after` of what did not fit.
    """

    left: RunOut
    right: RunOut
    same: bool
    outcome: list[str]
    parameters: list[ValueDifferenceOut]
    parameters_more: bool
    counts: StepCounts
    first: StepPairOut | None
    steps: list[StepPairOut]
    steps_next: int | None


@router.get(
    "/{job_id}/compare/{other_id}", response={200: ComparisonOut, **error_responses(404, 409)},
    by_alias=True,
)  # fmt: skip
def compare(
    request: HttpRequest, job_id: str, other_id: str, steps_after: StepsAfter = 0
) -> dict[str, Any]:
    """Compare two runs, as they are now, step by step."""
    left, right, found = read_comparison(principal_of(request), job_id, other_id)
    parameters, more = fit_page([_value_json(one) for one in found.parameters], MAX_LIMIT)
    steps, steps_more = fit_page(_pairs_json(found.steps[steps_after:]), MAX_STEPS)
    return {
        "left": left,
        "right": right,
        "same": found.is_same,
        "outcome": found.outcome,
        "parameters": parameters,
        "parameters_more": more,
        "counts": found.counts,
        "first": pair_json(found.first) if found.first else None,
        "steps": steps,
        "steps_next": steps_after + len(steps) if steps_more else None,
    }


def read_comparison(
    principal: Principal, job_id: UUID | str, other_id: UUID | str
) -> tuple[dict[str, Any], dict[str, Any], Comparison]:
    """Return two runs as JSON values and what they have in common; NotFound if either is."""
    jobs = [visibility.job_for(principal, each) for each in (job_id, other_id)]
    runs = [Run(job.kind, job.params, state_at(job.pk)) for job in jobs]
    left, right = (_run_json(job, run.state.summary) for job, run in zip(jobs, runs, strict=True))
    return left, right, compare_runs(*runs)


def pair_json(pair: StepPair) -> dict[str, Any]:
    """Return a step of two runs as JSON values."""
    step = pair.any
    return {
        "step": step.step,
        "target": step.target,
        "occurrence": step.occurrence,
        "differs": pair.differs,
        "left": _step_json(pair.left),
        "right": _step_json(pair.right),
    }


def _pairs_json(pairs: Sequence[StepPair]) -> list[dict[str, Any]]:
    return [pair_json(pair) for pair in pairs[: MAX_STEPS + 1]]


def _step_json(step: StepState | None) -> dict[str, Any] | None:
    if step is None:
        return None
    values = step.as_dict()
    return {field.alias or name: values[field.alias or name]
            for name, field in ComparedStep.model_fields.items()}  # fmt: skip


def _run_json(job: Job, summary: Summary) -> dict[str, Any]:
    values = summary.as_dict()
    return {
        **{name: values[name] for name in RunOut.model_fields if name in values},
        "id": job.pk,
        "kind": job.kind,
        "title": job.title,
        "submitted_by": job.submitted_by,
        "seconds": _seconds(summary),
        "retry_of": job.retry_of_id,
    }


def _seconds(summary: Summary) -> float | None:
    if not summary.started_at or not summary.finished_at:
        return None
    took = clock.parse(summary.finished_at) - clock.parse(summary.started_at)
    return round(took.total_seconds(), 3)


def _value_json(found: ValueDifference) -> dict[str, Any]:
    return {
        "pointer": found.pointer,
        "left": list(found.left),
        "right": list(found.right),
        "items": found.is_items,
    }
