"""How many jobs of a kind run at once; the others stand in line, by priority, then by submission.

What counts is live leases. A job that waits by itself (asleep, at a gate, paused) has none, leaves
its place to the next, and stands in line again when it goes on. Everything is decided under one
lock for each kind, held for a few statements and never over work; a process that dies between
freeing a place and waking the next is made up for by the sweep (`wake_all`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from jobs.kinds import registry
from jobs.log.sql import fetch_rows
from jobs.queue import dispatch

# Taken after the row of the job at hand, before the claims' lock and the queue's rows.
_LOCK = "select pg_advisory_xact_lock(hashtext('jobs.limits'), hashtext(%s))"

_LIVE = """
select count(*) from jobs_job
where kind = %s and status not in ('succeeded', 'failed', 'cancelled')
  and lease_until > clock_timestamp() and id is distinct from %s
"""

# The first of those who could run but for the limit; who is behind them cannot get a place now. A
# job that waits for targets, or by itself, is not in line.
_LINE = """
select id, priority, status from jobs_job
where kind = %s and status not in ('succeeded', 'failed', 'cancelled')
  and (lease_until is null or lease_until <= clock_timestamp())
  and (start_at is null or start_at <= clock_timestamp())
  and (status in ('queued', 'running')
       or status = 'waiting' and waiting_for @> '[{"for": "limit"}]')
order by priority desc, id limit %s
"""


def limit_of(kind: str) -> int | None:
    """Return how many jobs of a kind may run at once: REPRISE_LIMITS, else what the kind says."""
    if (set_to := settings.REPRISE.limits.get(kind)) is not None:
        return set_to or None  # 0 lifts the kind's own limit
    found = registry.find_kind(kind)
    return found.max_running if found else None


def find_waits(job_id: UUID, kind: str, priority: int) -> list[dict[str, Any]]:
    """Return what a job that is being taken must wait for because of its kind's limit; [] if not.

    Must run in the transaction that takes it. It waits while the places are taken, or would be by
    those who stand in line before it.
    """
    if (limit := limit_of(kind)) is None:
        return []
    free = limit - _count_live(kind, besides=job_id)
    line = fetch_rows(_LINE, [kind, max(free, 0)])
    ahead = sum((-other, id) < (-priority, job_id) for id, other, _status in line)
    return [] if ahead < free else [{"for": "limit", "kind": kind, "limit": limit}]


def wake_next(kind: str) -> int:
    """Deliver the waiting jobs whose turn it is; return how many.

    Call it when a place has become free, or somebody has left the line. The caller's transaction
    must not have queued anything yet: the lock comes first.
    """
    if (limit := limit_of(kind)) is None:
        return 0
    with transaction.atomic():
        line = fetch_rows(_LINE, [kind, max(limit - _count_live(kind), 0)])
        turns = [(id, priority) for id, priority, status in line if status == "waiting"]
        for job_id, priority in turns:
            dispatch.deliver_job(job_id, priority=priority)
    return len(turns)


def wake_all() -> int:
    """Do the same for every kind that has a limit."""
    return sum(wake_next(kind.name) for kind in registry.all_kinds())


def _count_live(kind: str, besides: UUID | None = None) -> int:
    fetch_rows(_LOCK, [kind])
    [(live,)] = fetch_rows(_LIVE, [kind, besides])
    return int(live)
