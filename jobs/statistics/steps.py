"""Steps in figures, of whatever jobs are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, Count, Q, QuerySet

from jobs.models import StepRun

MOST_ROWS = 50


class Percentile(Aggregate):
    """The value that so much of all values is below, between two of them where need be."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) within group (order by %(expressions)s)"

    def __init__(self, expression: Any, share: float, **extra: Any) -> None:
        super().__init__(expression, share=share, **extra)


@dataclass(frozen=True, slots=True)
class StepFigures:
    """A step in all jobs: how often it ran, failed, was tried again; its seconds."""

    step: str
    runs: int
    failed: int
    retried: int
    median: float | None
    p90: float | None


def step_figures(steps: QuerySet[StepRun]) -> list[StepFigures]:
    """Return the steps that fail most often, then those that are tried again most often."""
    rows = (
        steps.values("step")
        .annotate(
            runs=Count("pk"),
            failed=Count("pk", filter=Q(status="failed")),
            retried=Count("pk", filter=Q(tries__gt=1)),
            median=Percentile("seconds", 0.5),
            p90=Percentile("seconds", 0.9),
        )
        .order_by("-failed", "-retried", "step")
    )
    return [StepFigures(**row) for row in rows[:MOST_ROWS]]
