"""Jobs as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core import clock
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.api.paging import fit_page
from jobs.kinds import Plan
from jobs.log.state import state_at
from jobs.models import Job

# Of one answer, where they are small.
MAX_STEPS = 10_000


def job_json(principal: Principal, row: Job, *, brief: bool = False) -> dict[str, Any]:
    """Return a job row as JSON values, with what the principal can do to it now."""
    return {
        **row.summary.as_dict(),
        "id": str(row.pk),
        "kind": row.kind,
        "title": row.title,
        "params": None if brief else row.params,
        "labels": row.labels,
        "plan": None if brief else {**Plan().as_dict(), **row.plan},
        "team": row.team.slug if row.team else None,
        "submitted_by": row.submitted_by,
        "imported_at": moment_json(row.imported_at),
        "start_at": moment_json(row.start_at),
        "priority": row.priority,
        "retry_of": str(row.retry_of_id) if row.retry_of_id else None,
        "forked_from": row.forked_from,
        "can": visibility.allowed_acts(principal, row),
        "refused": visibility.gate_refusals(principal, row),
    }


def state_json(principal: Principal, row: Job, seq: int, steps_after: int) -> dict[str, Any]:
    """Return the job as its log folds at `seq` (1 to the head), with the steps that fit.

    `steps_next` says how many there are before the next ones, None for no more.
    """
    folded = state_at(row.pk, seq).as_dict()
    steps, more = fit_page(folded["steps"][steps_after:], MAX_STEPS)
    page = {"steps": steps, "steps_next": steps_after + len(steps) if more else None}
    return {**job_json(principal, row), **folded, "seq": seq, **page}


def moment_json(value: datetime | None) -> str | None:
    """Return a moment as the wire writes it."""
    return clock.rfc3339(value) if value else None
