"""Jobs as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from core import clock
from jobs import access, log
from jobs.access import Principal
from jobs.events import EventType, parse
from jobs.job import State, fold_all
from jobs.models import Job

# What of a text is enough to tell its type: `{"seq":<at most 19 digits>,"type":"…"`.
_TYPE_WITHIN = 64
_QUIET = tuple(f'"type":"{kind}"' for kind in (EventType.STEP_OUTPUT, EventType.STEP_PROGRESSED))


def job(principal: Principal, row: Job) -> dict[str, Any]:
    """Return a job row as JSON values, with what the principal can do to it now."""
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "title": row.title,
        "status": row.status,
        "params": row.params,
        "labels": row.labels,
        "plan": row.plan,
        "team": row.team.slug if row.team else None,
        "submitted_by": row.submitted_by,
        "submitted_at": moment(row.submitted_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
        "last_at": moment(row.last_at),
        "attempt": row.attempt,
        "done": row.done,
        "total": row.total,
        "failed": row.failed,
        "head": row.head,
        "head_hash": bytes(row.head_hash).hex(),
        "message": row.message,
        "waiting_for": row.waiting_for,
        "retry_of": str(row.retry_of_id) if row.retry_of_id else None,
        "can": access.can(principal, row),
    }


def state(principal: Principal, row: Job, seq: int) -> dict[str, Any]:
    """Return the job as its log folds at `seq` (1 to the head), with its steps."""
    folded = state_at(row.pk, seq)
    return {**job(principal, row), **folded.as_dict(), "seq": seq}


def state_at(job_id: UUID, seq: int) -> State:
    """Return the fold of a job's events 1 to `seq`.

    Output and progress of steps move nothing but the head, so that of those only the last event is
    parsed: a job's log is mostly output.
    """
    folded = State()
    for page in log.history(job_id):
        wanted = page.texts[: seq - page.after]
        at_end = page.after + len(wanted) >= seq
        loud = [text for text in wanted if not _is_quiet(text)]
        if at_end and wanted and _is_quiet(wanted[-1]):
            loud.append(wanted[-1])
        folded = fold_all(folded, map(parse, loud))
        if at_end:
            break
    return folded


def moment(value: datetime | None) -> str | None:
    """Return a moment as the wire writes it."""
    return clock.rfc3339(value) if value else None


def _is_quiet(text: str) -> bool:
    start = text[:_TYPE_WITHIN]
    return any(mark in start for mark in _QUIET)
