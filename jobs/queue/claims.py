"""Targets are claimed: at most one job at a time works on one, the others wait in order.

Every claim of a job carries the job's ticket, one number for all of them, so the waiting have one
order and cannot block each other in a circle. The number goes down with the job's priority. A job
gets its targets all at once or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from jobs.log.sql import change_rows, fetch_rows

# One start of a job at a time decides about claims; held for two statements, never over work.
_DECIDE = "select pg_advisory_xact_lock(hashtext('jobs.claims'))"

# What a priority is worth in tickets: more than will ever be given.
PRIORITY = 2**50

_CLAIM = """
insert into jobs_claim (job_id, target, ticket, held)
select job.id, target, next.number - job.priority * %s::bigint, false
from jobs_job as job, unnest(%s::text[]) as target,
     (select nextval('jobs_claim_ticket_seq') as number) as next
where job.id = %s
on conflict (job_id, target) do nothing
"""

# The event that has them is read by all who may see the waiting job: a blocker is named if they may
# see that one, too.
_BLOCKERS = """
select distinct on (mine.target) mine.target,
  case when job.team_id = blocker.team_id
         or coalesce(job.team_id, blocker.team_id) is null and job.owner_id = blocker.owner_id
       then blocker.id end
from jobs_claim mine join jobs_claim other
  on other.target = mine.target and other.job_id <> mine.job_id
     and (other.held or other.ticket < mine.ticket)
join jobs_job job on job.id = mine.job_id join jobs_job blocker on blocker.id = other.job_id
where mine.job_id = %s
order by mine.target, other.held desc, other.ticket
"""

_RELEASE = """
with gone as (delete from jobs_claim where job_id = %s returning target)
select distinct claim.job_id from jobs_claim claim join gone using (target)
where not claim.held and claim.job_id <> %s
"""


def acquire_targets(job_id: UUID, targets: Sequence[str]) -> list[dict[str, str | None]]:
    """Take all targets for a job, or say what it waits for: `[{"target", "job"}, …]`, by name.

    `job` is None for the job of another team.

    Must run in a transaction. What is claimed stays claimed, so a waiting job keeps its place.
    """
    if not targets:
        return []
    fetch_rows(_DECIDE)
    change_rows(_CLAIM, [PRIORITY, sorted(set(targets)), job_id])
    found = fetch_rows(_BLOCKERS, [job_id])
    if not found:
        change_rows("update jobs_claim set held = true where job_id = %s", [job_id])
    return [{"target": target, "job": str(job) if job else None} for target, job in found]


def release_targets(job_id: UUID) -> list[UUID]:
    """Give up a job's claims; return the waiting jobs that may now have their turn."""
    with transaction.atomic():
        fetch_rows(_DECIDE)  # else a claim being made just now would be overlooked
        return sorted(job for (job,) in fetch_rows(_RELEASE, [job_id, job_id]))
