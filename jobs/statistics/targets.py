"""A target's story: what works on it now, who waits for it, and every job that touched it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, Sum, Window
from django.db.models.functions import RowNumber

from core.errors import NotFound
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.access.visible_targets import visible_targets
from jobs.models import Claim, Job, StepRun, Target
from jobs.statistics.steps import MOST_ROWS, StepFigures, step_figures

_WORST_FIRST = ("failed", "running", "retried", "succeeded", "skipped")


@dataclass(frozen=True, slots=True)
class TargetRun:
    """A job that touched a target: the worst outcome of its `count` steps there, their seconds.

    `steps` has the first of them, in the order of their start.
    """

    job: Job
    outcome: str
    count: int
    seconds: float
    steps: list[StepRun]


@dataclass(frozen=True, slots=True)
class TargetUse:
    """Who has a target now, and who waits for it, in turn; those that one may see.

    `is_busy`: some job has it, also one that one may not see. `waiting` has the first of `count`.
    """

    is_busy: bool
    holder: Job | None
    waiting: list[Job]
    count: int


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """How many jobs touched a target, in how many a step failed there, and its steps."""

    runs: int
    failed: int
    steps: list[StepFigures]


def find_target(principal: Principal, name: str) -> Target | None:
    """Return the target of the inventory; None for one that only jobs have named.

    Raises Forbidden for who sees no jobs, and NotFound unless they see the target, or a job that
    touched it or claims it.
    """
    visibility.require_act(principal, "view")
    if found := visible_targets(principal).filter(name=name).first():
        return found
    jobs = visibility.listed_jobs(principal)
    if not any(jobs.filter(touch).exists() for touch in _touches(name)):
        raise NotFound("There is no target of this name that you may see.")
    return None


def target_use(principal: Principal, name: str) -> TargetUse:
    """Return who has a target now, and who waits for it."""
    claims = Claim.objects.filter(target=name)
    held = claims.filter(held=True).first()
    seen = visibility.listed_jobs(principal).order_by()
    waiting = claims.filter(held=False, job__in=seen.values("pk")).order_by("ticket")
    return TargetUse(
        is_busy=held is not None,
        holder=seen.filter(pk=held.job_id).first() if held else None,
        waiting=[claim.job for claim in waiting.select_related("job")[:MOST_ROWS]],
        count=waiting.count(),
    )


def target_runs(
    principal: Principal, name: str, before: UUID | None, limit: int
) -> tuple[list[TargetRun], UUID | None]:
    """Return the jobs that touched a target, newest first, and the `before` of the next page."""
    touched = StepRun.objects.filter(job=OuterRef("pk"), target=name)
    jobs = visibility.listed_jobs(principal).filter(Exists(touched)).order_by("-pk")
    if before is not None:
        jobs = jobs.filter(pk__lt=before)
    page = list(jobs[: limit + 1])
    shown = page[:limit]
    return list(_describe_runs(name, shown)), shown[-1].pk if len(page) > limit else None


def target_figures(principal: Principal, name: str) -> TargetFigures:
    """Return how often and where jobs fail on a target, of those that one may see."""
    jobs = visibility.listed_jobs(principal).order_by().values("pk")
    steps = StepRun.objects.filter(target=name, job__in=jobs)
    counts = steps.aggregate(
        runs=Count("job", distinct=True),
        failed=Count("job", distinct=True, filter=Q(status="failed")),
    )
    return TargetFigures(**counts, steps=step_figures(steps))


def _touches(name: str) -> Iterable[Exists]:
    """Yield the conditions of which one holds for a job that has to do with a target."""
    for rows in (StepRun.objects, Claim.objects):
        yield Exists(rows.filter(job=OuterRef("pk"), target=name))


def _describe_runs(name: str, jobs: list[Job]) -> Iterator[TargetRun]:
    own = StepRun.objects.filter(target=name, job__in=jobs)
    counts = own.values("job").annotate(
        count=Count("pk"),
        seconds=Sum("seconds", default=0.0),
        **{status: Count("pk", filter=Q(status=status)) for status in _WORST_FIRST},
    )
    of_job: dict[UUID, dict[str, Any]] = {row["job"]: {**row} for row in counts}
    steps: dict[UUID, list[StepRun]] = {job.pk: [] for job in jobs}
    place = Window(RowNumber(), partition_by="job", order_by=["started_at", "pk"])
    for step in own.annotate(place=place).filter(place__lte=MOST_ROWS).order_by("place"):
        steps[step.job_id].append(step)
    for job in jobs:
        row = of_job[job.pk]
        outcome = next((status for status in _WORST_FIRST if row[status]), "pending")
        yield TargetRun(job, outcome, row["count"], row["seconds"], steps[job.pk])
