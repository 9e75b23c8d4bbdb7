"""Jobs as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core import clock
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.log.state import state_at
from jobs.models import Job


def job_json(principal: Principal, row: Job) -> dict[str, Any]:
    """Return a job row as JSON values, with what the principal can do to it now."""
    return {
        **row.summary.as_dict(),
        "id": str(row.pk),
        "kind": row.kind,
        "title": row.title,
        "params": row.params,
        "labels": row.labels,
        "plan": row.plan,
        "team": row.team.slug if row.team else None,
        "submitted_by": row.submitted_by,
        "imported_at": moment_json(row.imported_at),
        "start_at": moment_json(row.start_at),
        "priority": row.priority,
        "retry_of": str(row.retry_of_id) if row.retry_of_id else None,
        "can": visibility.allowed_acts(principal, row),
        "refused": visibility.gate_refusals(principal, row),
    }


def state_json(principal: Principal, row: Job, seq: int) -> dict[str, Any]:
    """Return the job as its log folds at `seq` (1 to the head), with its steps."""
    folded = state_at(row.pk, seq)
    return {**job_json(principal, row), **folded.as_dict(), "seq": seq}


def moment_json(value: datetime | None) -> str | None:
    """Return a moment as the wire writes it."""
    return clock.rfc3339(value) if value else None
