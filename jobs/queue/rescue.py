"""Rescue jobs: deliver what nobody runs, release what ended jobs still hold. Idempotent."""

from __future__ import annotations

from django.conf import settings

from jobs.log.sql import fetch_rows
from jobs.queue import claims
from jobs.queue.dispatch import wake_jobs

# Unfinished, nobody's, and not delivered a moment ago. A job that waits for targets is delivered by
# their release; the sweep comes by much later, in case that release's process died. A parked one is
# delivered when it is due, or else by the word that it waits for. One of a kind that its worker did
# not know is left to those that do, who look for it (`jobs.worker.presence`).
_DUE = """
update jobs_job set delivered_at = clock_timestamp()
where id in (
  select id from jobs_job
  where finished_at is null and status not in ('paused') and head > 0
    and (lease_until is null or lease_until < clock_timestamp())
    and (not parked or due_at <= clock_timestamp())
    and not (status = 'waiting' and waiting_for @> '[{"for": "kind"}]')
    and (start_at is null or start_at <= clock_timestamp())
    and coalesce(delivered_at, last_at) < clock_timestamp()
        - %s * case when status = 'waiting' and not parked then 10 else 1 end * interval '1 second'
  order by priority desc, id limit 1000 for update skip locked
)
returning id
"""

_ENDED_CLAIMS = """
select distinct job_id from jobs_claim claim join jobs_job job on job.id = claim.job_id
where job.finished_at is not null
"""


def deliver_due() -> int:
    """Deliver again every job that should run and that nobody runs; return how many."""
    due = [job for (job,) in fetch_rows(_DUE, [settings.REPRISE.sweep_seconds])]
    wake_jobs(due)
    return len(due)


def release_ended() -> int:
    """Release the claims of jobs that have ended, and wake who waits for them."""
    ended = [job for (job,) in fetch_rows(_ENDED_CLAIMS)]
    for job_id in ended:
        wake_jobs(claims.release_targets(job_id))
    return len(ended)
