"""Snapshots: a job's state at every thousandth event, so that no state is far from one.

A snapshot holds the summary at its seq and, of the steps, only those that changed since the
snapshot before: storage stays linear in the events however many steps a run has. The state is the
newest summary with all steps laid over each other in order, read by one query. A snapshot is made
once for a seq and never changed; `jobs.log.state` makes one that is missing, and a consumer of the
feed makes them as jobs pass a boundary.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from jobs.events.fold import FOLD, State, StepState, Summary
from jobs.log.sql import fetch_rows
from jobs.models import Snapshot

EVERY = 1000
"""A snapshot stands at each seq that is a multiple of this."""

# Rows whose steps say something, and the newest: a job's log is mostly output.
_UP_TO = """
select case when seq = newest then summary end, steps
from (
  select seq, summary, steps, max(seq) over () as newest
  from jobs_snapshot where job = %s and fold = %s and seq <= %s
) as found
where steps <> '[]' or seq = newest order by seq
"""


def nearest_snapshot(job_id: UUID, seq: int) -> State:
    """Return the state at the job's last snapshot that is not after `seq`; empty before the first.

    `summary.head` says which seq it is of.
    """
    rows = fetch_rows(_UP_TO, [job_id, FOLD, seq])
    if not rows:
        return State()
    return laid_over(json.loads(rows[-1][0]), (json.loads(steps) for _, steps in rows))


def save_snapshot(job_id: UUID, before: State, after: State) -> None:
    """Keep a snapshot of `after`; `before` is the state at the snapshot before it."""
    made = [snapshot_of(job_id, before, after)]
    Snapshot.objects.bulk_create(made, ignore_conflicts=True)  # another's is the same


def snapshot_of(job_id: UUID, before: State, after: State) -> Snapshot:
    """Return the snapshot of `after`, not saved; the same events always give the same texts."""
    summary, steps = _json_text(after.summary.as_dict()), _json_text(changed_steps(before, after))
    return Snapshot(job=job_id, fold=FOLD, seq=after.summary.head, summary=summary, steps=steps)


def changed_steps(before: State, after: State) -> list[dict[str, Any]]:
    """Return the steps of `after` that are not as in `before`, as JSON values."""
    return [
        step.as_dict() for key, step in after.steps.items() if before.steps.get(key) is not step
    ]


def laid_over(summary: Mapping[str, Any], changes: Iterable[Iterable[Mapping[str, Any]]]) -> State:
    """Return the state of a summary and what changed of the steps up to it, oldest first."""
    found = (StepState.from_dict(step) for steps in changes for step in steps)
    return State(Summary.from_dict(summary), {step.key: step for step in found})


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
