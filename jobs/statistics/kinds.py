"""A kind in figures: how long its jobs take, which steps fail, which targets are slow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, DurationField, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncWeek

from core import clock
from core.errors import NotFound
from jobs.access import run_rights, visibility
from jobs.access.visibility import Principal
from jobs.events.fold import CANCELLED, FAILED, SUCCEEDED
from jobs.models import Job, StepRun
from jobs.statistics.steps import MOST_ROWS, Percentile, StepFigures, step_figures

PERIODS = (7, 30, 90, 365)
# Days up to this many; of a longer period there are weeks.
MOST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, or a week: `median` and `p90` are seconds of the jobs that succeeded in it."""

    start: datetime
    runs: int
    failed: int
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class SlowTarget:
    """A target in all jobs: how many, how many failed on it; seconds of its steps in a job."""

    target: str
    runs: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class KindFigures:
    """A kind's jobs that ended in the last `days`: how many, and lists of what is told of them."""

    kind: str
    days: int
    since: datetime
    succeeded: int
    failed: int
    cancelled: int
    durations: list[Bucket]
    steps: list[StepFigures]
    targets: list[SlowTarget]


def kind_figures(principal: Principal, kind: str, days: int) -> KindFigures:
    """Return a kind in figures, of the jobs that the principal may see.

    Raises Forbidden for who sees no jobs, and NotFound for a kind that they do not know and of
    which they see none.
    """
    visibility.require_act(principal, "view")
    jobs = visibility.listed_jobs(principal).filter(kind=kind).order_by()
    if all(one.name != kind for one in run_rights.known_kinds(principal)) and not jobs.exists():
        raise NotFound(f"There is no kind {kind}.")
    since = clock.now() - timedelta(days=days)
    ended = jobs.filter(finished_at__gte=since)
    counts = dict(ended.values_list("status").annotate(Count("pk")))
    steps = StepRun.objects.filter(job__in=ended.values("pk"))
    return KindFigures(
        kind=kind,
        days=days,
        since=since,
        succeeded=counts.get(SUCCEEDED, 0),
        failed=counts.get(FAILED, 0),
        cancelled=counts.get(CANCELLED, 0),
        durations=_durations(ended, days),
        steps=step_figures(steps),
        targets=_targets(steps),
    )


def _durations(ended: QuerySet[Job], days: int) -> list[Bucket]:
    truncated = TruncDay if days <= MOST_DAYS else TruncWeek
    took = F("finished_at") - F("started_at")
    well = Q(status=SUCCEEDED, started_at__isnull=False)
    rows = (
        ended.annotate(start=truncated("finished_at"))
        .values("start")
        .annotate(
            runs=Count("pk"),
            failed=Count("pk", filter=Q(status=FAILED)),
            median=Percentile(took, 0.5, filter=well, output_field=DurationField()),
            p90=Percentile(took, 0.9, filter=well, output_field=DurationField()),
        )
        .order_by("start")
    )
    return [
        Bucket(row["start"], row["runs"], row["failed"], _in_seconds(row["median"]),
               _in_seconds(row["p90"]))
        for row in rows
    ]  # fmt: skip


def _in_seconds(took: timedelta | None) -> float | None:
    return None if took is None else took.total_seconds()


def _targets(steps: QuerySet[StepRun]) -> list[SlowTarget]:
    rows = (
        steps.exclude(target="")
        .values("target")
        .annotate(
            runs=Count("job", distinct=True),
            failed=Count("job", distinct=True, filter=Q(status="failed")),
            total=Sum("seconds", default=0.0),
        )
        .annotate(seconds=F("total") / F("runs"))
        .order_by("-seconds", "target")
    )
    return [
        SlowTarget(row["target"], row["runs"], row["failed"], row["seconds"])
        for row in rows[:MOST_ROWS]
    ]
