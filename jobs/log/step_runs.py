"""Steps as rows: a projection of the feed, for what is counted over many jobs.

A consumer of the feed folds each step's events into its row, by the fold's own rule; so a row is
what the job's state says of the step, once the consumer has come that far. `manage.py rebuild`
makes them anew from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any
from uuid import UUID

from core import clock
from core.errors import storable_text
from jobs.events import Event
from jobs.events.fold import STEP_TYPES, State, StepKey, StepState, fold_step
from jobs.log.sql import fetch_rows
from jobs.models import StepRun

CONSUMER = "step-runs"
TYPES = STEP_TYPES
# An imported log may have longer names and other numbers than ours: those are not counted.
_LONGEST_NAME, _LARGEST = 500, 2**31 - 1
_KEY = ("job", "step", "target", "occurrence")
_KEPT = ("status", "tries", "seconds", "started_at", "finished_at")

_IS_COMPLETE = """
select coalesce(max(fed.seq), 0) >= %(head)s
from jobs_consumer consumer
left join jobs_feed fed on fed.job = %(job)s and fed.position <= consumer.position
where consumer.name = %(consumer)s
"""


def fold_events(events: Iterable[tuple[UUID, Event]]) -> None:
    """Fold events, in the feed's order, into the rows of their steps."""
    steps: dict[tuple[UUID, StepKey], StepState] = {}
    ordered = [(job, event) for job, event in events if event.step is not None]
    before = _stored_steps({job for job, _ in ordered}, {str(event.step) for _, event in ordered})
    for job, event in ordered:
        key = (str(event.step), event.target, int(event.data.get("occurrence", 1)))
        place = job, key
        steps[place] = fold_step(steps.get(place) or before.get(place), key, event)
    _save(row for (job, _), step in steps.items() for row in _rows(job, [step]))


def rows_of(job: UUID, state: State) -> list[StepRun]:
    """Return the rows of a job whose state this is, not saved."""
    return list(_rows(job, state.steps.values()))


def replace_rows(job: UUID, state: State) -> None:
    """Make a job's rows what its state says."""
    StepRun.objects.filter(job=job).delete()
    StepRun.objects.bulk_create(rows_of(job, state), batch_size=1000)


def differing_steps(job: UUID, state: State) -> Iterator[tuple[str, Any, Any]]:
    """Yield the steps whose rows are not what the job's state says: which, the row, the state.

    None while the consumer has not come to the job's head: rows are behind then.
    """
    values = {"job": job, "head": state.summary.head, "consumer": CONSUMER}
    if fetch_rows(_IS_COMPLETE, values) != [(True,)]:
        return
    kept = {_row_key(row): _row_values(row) for row in StepRun.objects.filter(job=job)}
    made = {_row_key(row): _row_values(row) for row in rows_of(job, state)}
    for key in sorted(kept.keys() | made.keys()):
        if kept.get(key) != made.get(key):
            step, target, occurrence = key
            place = f"step {step} on {target or 'no target'}, no. {occurrence}"
            yield place, kept.get(key), made.get(key)


def _stored_steps(
    jobs: Iterable[UUID], names: Iterable[str]
) -> Mapping[tuple[UUID, StepKey], StepState]:
    names = [name for name in names if storable_text(name) == name]
    found = StepRun.objects.filter(job__in=list(jobs), step__in=names)
    return {(row.job_id, (row.step, row.target or None, row.occurrence)): _step(row)
            for row in found}  # fmt: skip


def _step(row: StepRun) -> StepState:
    """Return as much of a step's state as a row has."""
    return StepState(
        row.step, row.target or None, row.occurrence, row.status, row.tries, 0,
        _moment(row.started_at), _moment(row.finished_at), row.seconds,
    )  # fmt: skip


def _moment(at: datetime | None) -> str | None:
    return clock.rfc3339(at) if at else None


def _rows(job: UUID, steps: Iterable[StepState]) -> Iterator[StepRun]:
    for step in filter(_is_counted, steps):
        yield StepRun(
            job_id=job, step=step.step, target=step.target or "", occurrence=step.occurrence,
            status=step.status, tries=step.tries, seconds=_seconds(step.seconds),
            started_at=step.started_at and clock.parse(step.started_at),
            finished_at=step.finished_at and clock.parse(step.finished_at),
        )  # fmt: skip


def _is_counted(step: StepState) -> bool:
    names = (step.step, step.target or "none")
    numbers = (step.occurrence, step.tries)
    return (
        step.kept is None  # another job did it, where it is counted
        and step.target != ""
        and all(len(name) <= _LONGEST_NAME and storable_text(name) == name for name in names)
        and all(0 <= number <= _LARGEST for number in numbers)
    )


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isfinite(value) else None


def _save(rows: Iterable[StepRun]) -> None:
    StepRun.objects.bulk_create(
        rows, batch_size=1000, update_conflicts=True, unique_fields=_KEY, update_fields=_KEPT
    )


def _row_key(row: StepRun) -> tuple[str, str, int]:
    return row.step, row.target, row.occurrence


def _row_values(row: StepRun) -> Sequence[Any]:
    return tuple(getattr(row, name) for name in _KEPT)
