"""/api/kinds/<name>/statistics and /api/targets/<name>/history: figures over many jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from core import clock
from core.errors import BadParameter
from core.ids import parse_id
from jobs.api.auth import principal_of
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.api.schemas import error_responses
from jobs.models import Job
from jobs.statistics import targets
from jobs.statistics.kinds import kind_figures
from jobs.statistics.targets import TargetRun

router = Router(tags=["statistics"])

DEFAULT_LIMIT = 50
Days = Annotated[int, Query(ge=1, le=3660, description="Jobs that ended in so many days.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


class BucketOut(Schema):
    """A day (or a week, from its Monday) in UTC; seconds of the jobs that succeeded then."""

    start: str
    runs: int
    failed: int
    median: float | None
    p90: float | None


class StepFiguresOut(Schema):
    """A step in all jobs: how often it ran, failed, took more tries; seconds of its newest try."""

    step: str
    runs: int
    failed: int
    retried: int
    median: float | None
    p90: float | None


class SlowTargetOut(Schema):
    """A target: in how many jobs it was, in how many a step failed on it; mean seconds in a job."""

    target: str
    runs: int
    failed: int
    seconds: float


class KindFiguresOut(Schema):
    """A kind in figures. Lists have the 50 that matter most: that fail often, or are slow."""

    kind: str
    days: int
    since: str
    succeeded: int
    failed: int
    cancelled: int
    durations: list[BucketOut]
    steps: list[StepFiguresOut]
    targets: list[SlowTargetOut]


class JobNameOut(Schema):
    """A job, by what it is called."""

    id: UUID
    kind: str
    title: str
    status: str


class StepRunOut(Schema):
    """A step of a job on the target: its newest try."""

    step: str
    occurrence: int
    status: str
    tries: int = Field(alias="try")
    seconds: float | None


class TargetRunOut(Schema):
    """A job that touched a target: the worst outcome of its `count` steps there, the first 50."""

    job: JobNameOut
    submitted_at: str | None
    outcome: str
    seconds: float
    count: int
    steps: list[StepRunOut]


class TargetHistoryOut(Schema):
    """A target's story. `holder` is null, too, for a job that you may not see; then `busy`."""

    target: str
    busy: bool
    holder: JobNameOut | None
    waiting: list[JobNameOut]
    waiting_count: int
    runs: int
    failed: int
    steps: list[StepFiguresOut]
    history: list[TargetRunOut]
    next: UUID | None


@router.get("/kinds/{name}/statistics", response={200: KindFiguresOut, **error_responses(403, 404)})
def kind_statistics(request: HttpRequest, name: str, days: Days = 30) -> dict[str, Any]:
    """Return a kind in figures: durations, failures by step, slow targets.

    Only jobs that you may see are counted.
    """
    found = asdict(kind_figures(principal_of(request), name, days))
    for bucket in (found, *found["durations"]):
        place = "start" if "start" in bucket else "since"
        bucket[place] = clock.rfc3339(bucket[place])
    return found


@router.get(
    "/targets/{path:name}/history", by_alias=True,
    response={200: TargetHistoryOut, **error_responses(403, 404)},
)  # fmt: skip
def target_history(
    request: HttpRequest, name: str, before: str | None = None, limit: Limit = DEFAULT_LIMIT
) -> dict[str, Any]:
    """Return what works on a target now, who waits for it, and the jobs that touched it.

    Only jobs that you may see are listed and counted.
    """
    principal = principal_of(request)
    targets.find_target(principal, name)
    use = targets.target_use(principal, name)
    found, after = targets.target_runs(principal, name, _job_id(before), limit)
    runs, more = fit_page([_run_json(run) for run in found], limit)
    return {
        "target": name,
        "busy": use.is_busy,
        "holder": use.holder and _job_json(use.holder),
        "waiting": [_job_json(job) for job in use.waiting],
        "waiting_count": use.count,
        **asdict(targets.target_figures(principal, name)),
        "history": runs,
        "next": runs[-1]["job"]["id"] if more else after,
    }


def _job_id(before: str | None) -> UUID | None:
    try:
        return parse_id(before) if before else None
    except ValueError:
        raise BadParameter("before", "before is a job's id.") from None


def _job_json(job: Job) -> dict[str, Any]:
    return {"id": str(job.pk), "kind": job.kind, "title": job.title, "status": job.status}


def _run_json(run: TargetRun) -> dict[str, Any]:
    submitted = run.job.submitted_at
    return {
        "job": _job_json(run.job),
        "submitted_at": clock.rfc3339(submitted) if submitted else None,
        "outcome": run.outcome,
        "seconds": run.seconds,
        "count": run.count,
        "steps": [
            {"step": step.step, "occurrence": step.occurrence, "status": step.status,
             "try": step.tries, "seconds": step.seconds}
            for step in run.steps
        ],
    }  # fmt: skip
