"""Statements that only a check of the log needs: what a reader never looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from jobs.log.sql import fetch_rows

# How far a job's events go beyond its row's head: in one statement with the row, since a job that
# runs moves both at any moment.
BEYOND = "(select min(seq) from jobs_event where job = jobs_job.id and seq > jobs_job.head)"

# The time as an event writes it: to make a datetime of it costs more than all the rest.
_COLUMNS = """
select seq, type, actor, target,
       to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
from jobs_event
where job = %(job)s and seq > %(after)s and seq <= %(after)s::bigint + %(limit)s
order by seq
"""

_NEXT = "select min(seq) from jobs_event where job = %s and seq > %s"

# A loose index scan: one probe a job, however many events it has.
_JOBS_AFTER = """
with recursive known (job) as (
  (select job from jobs_event where job > %(after)s order by job limit 1)
  union all
  select (select job from jobs_event where job > known.job order by job limit 1)
  from known where known.job is not null
)
select job from known where job is not null limit %(limit)s
"""

_SUBMITTED = """
select kind = data ->> 'kind', title = data ->> 'title',
       params::jsonb = data -> 'params', labels = data -> 'labels', plan = data -> 'plan',
       retry_of_id::text is not distinct from data ->> 'retry_of',
       data ->> 'team' is not distinct from (select slug from jobs_team where id = team_id)
       or data ->> 'team' <> all (select slug from jobs_team),  -- renamed, or from elsewhere
       submitted_by = %(actor)s,
       forked_from is not distinct from nullif(data -> 'forked_from', 'null')
from jobs_job cross join (select %(data)s::jsonb) as submitted (data)
where id = %(job)s
"""
_MEMBERS = (
    "kind",
    "title",
    "params",
    "labels",
    "plan",
    "retry_of",
    "team",
    "submitted_by",
    "forked_from",
)

# What the sequencer had fed for certain: nothing is certain in a cluster that it does not know yet.
_HORIZON = """
select horizon::text from jobs_feed_state
where cluster is not distinct from (select system_identifier from pg_control_system())
"""

# In the order of a job's events its feed has neither gaps nor steps back. It may end before the
# log does, but not before an event of a transaction that was fed, nor where events are archived.
_NOT_FED = """
with fed as (
  select seq, position, lag(seq, 1, 0::bigint) over ordered as before,
         lag(position, 1, 0::bigint) over ordered as behind
  from jobs_feed where job = %(job)s window ordered as (order by seq)
), ended as (
  select coalesce(max(fed.seq), 0) as seq, job.head
  from jobs_job job left join fed on true where job.id = %(job)s group by job.head
)
select least(
  (select min(case when seq <> before + 1 then before + 1 else seq end) from fed
   where seq <> before + 1 or position < behind),
  (select min(event.seq) from jobs_event event, ended
   where event.job = %(job)s and event.seq > ended.seq and event.xid < %(horizon)s::xid8),
  (select least(seq, head) + 1 from ended where seq > head or seq < head and not exists (
    select from jobs_event event where event.job = %(job)s and event.seq > ended.seq))
)
"""

_STRAY_SNAPSHOT = """
select min(snapshot.seq) from jobs_snapshot snapshot join jobs_job job on job.id = snapshot.job
where snapshot.job = %s and fold = %s and (snapshot.seq %% %s <> 0 or snapshot.seq > job.head)
"""

# The row has the hash of its head, as seals take it. Of an older event the hash is the text's last
# member; a job whose month is archived has no events here.
_HASHES = """
select wanted.job, wanted.seq, job.head,
       case when job.head = wanted.seq then encode(job.head_hash, 'hex')
            else substring(right(event.text, 66) for 64) end
from unnest(%s::uuid[], %s::bigint[]) as wanted (job, seq)
left join jobs_job job on job.id = wanted.job
left join jobs_event event on event.job = wanted.job and event.seq = wanted.seq
     and job.head > wanted.seq
"""

# What stands beside an event's text: seq, type, actor, target, and the time as RFC 3339 (None for
# infinity). A plain tuple, because there are as many as events.
Columns = tuple[int, str, str, str | None, str | None]


def read_columns(job_id: UUID, after: int, limit: int) -> list[Columns]:
    """Return the columns of up to `limit` events after seq `after`; none of an archived job's."""
    values = {"job": job_id, "after": after, "limit": limit}
    return cast("list[Columns]", fetch_rows(_COLUMNS, values))


def next_after(job_id: UUID, seq: int) -> int | None:
    """Return the seq of the job's next stored event after `seq`, None if there is none."""
    [(found,)] = fetch_rows(_NEXT, [job_id, seq])
    return int(found) if found is not None else None


def jobs_after(after: UUID, limit: int) -> list[UUID]:
    """Return up to `limit` ids of jobs that have events, ascending, after `after`."""
    return [job for (job,) in fetch_rows(_JOBS_AFTER, {"after": after, "limit": limit})]


def not_as_submitted(job_id: UUID, data: Mapping[str, Any], actor: str) -> list[str]:
    """Return the columns of the job's row that say something else than its first event.

    Postgres compares, because it has its own idea of when two numbers are one. A member that the
    event does not have is not compared.
    """
    found = fetch_rows(_SUBMITTED, {"job": job_id, "data": json.dumps(data), "actor": actor})
    row = found[0] if found else [False] * len(_MEMBERS)
    compared = {*data, "submitted_by", "forked_from"}
    return [name for name, same in zip(_MEMBERS, row, strict=True) if name in compared and not same]


def feed_horizon() -> str | None:
    """Return the transaction id below which the feed is complete; None in an unknown cluster."""
    found: list[tuple[str]] = fetch_rows(_HORIZON)
    return found[0][0] if found else None


def first_not_fed(job_id: UUID, horizon: str | None) -> int | None:
    """Return the first seq of a job that the feed lacks or has in another order, if any."""
    [(seq,)] = fetch_rows(_NOT_FED, {"job": job_id, "horizon": horizon or "0"})
    return int(seq) if seq is not None else None


def stray_snapshot(job_id: UUID, fold: int, every: int) -> int | None:
    """Return the first seq of a snapshot that is at no multiple of `every`, or past the head."""
    [(seq,)] = fetch_rows(_STRAY_SNAPSHOT, [job_id, fold, every])
    return int(seq) if seq is not None else None


def hashes_at(heads: Sequence[tuple[UUID, int]]) -> list[tuple[UUID, int, int | None, str | None]]:
    """Return each job and seq again, with the job's head and the hash (hex) of that event.

    The head is None of a job that has no row, the hash of an event that the table does not have.
    """
    values = [[job for job, _ in heads], [seq for _, seq in heads]]
    return cast("list[tuple[UUID, int, int | None, str | None]]", fetch_rows(_HASHES, values))
