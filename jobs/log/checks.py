"""Statements that only a check of the log needs: what a reader never looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

# How far a job's events go beyond its row's head: in one statement with the row, since a job that
# runs moves both at any moment.
BEYOND = "(select min(seq) from jobs_event where job = jobs_job.id and seq > jobs_job.head)"

# The other columns are copies of members that stand before `data`, all of them scalars: that much
# of a text is parsed and no more. A text that is no JSON differs in everything.
_SIDES = """
select count(*), min(seq) filter (where not coalesce(
  case when start is json object then
    start::jsonb ->> 'type' = type and start::jsonb ->> 'actor' = actor
    and start::jsonb ->> 'target' is not distinct from target
    and start::jsonb ->> 'at' = to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  end, false))
from (
  select seq, type, actor, target, at, left(text, strpos(text, ',"data":') - 1) || '}' as start
  from jobs_event
  where job = %(job)s and seq > %(after)s and seq <= %(after)s::bigint + %(limit)s
) as events
"""

_COLUMNS = "select type, actor, target, at from jobs_event where job = %s and seq = %s"

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
select kind = data ->> 'kind', title = data ->> 'title', params = data -> 'params',
       labels = data -> 'labels', plan = data -> 'plan',
       retry_of_id::text is not distinct from data ->> 'retry_of', submitted_by = %(actor)s
from jobs_job cross join (select %(data)s::jsonb) as submitted (data)
where id = %(job)s
"""
_MEMBERS = ("kind", "title", "params", "labels", "plan", "retry_of", "submitted_by")


@dataclass(frozen=True, slots=True)
class Sides:
    """A page as the table has it: how many rows, and the first whose columns belie its text."""

    count: int
    wrong: int | None


def sides(job_id: UUID, after: int, limit: int) -> Sides:
    """Compare type, actor, target and time of up to `limit` events after `after` with the texts.

    A job whose events are archived has no rows: count 0, and no such columns.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SIDES, {"job": job_id, "after": after, "limit": limit})
        return Sides(*cursor.fetchone())


def columns(job_id: UUID, seq: int) -> dict[str, Any]:
    """Return an event's columns: type, actor, target, at."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [job_id, seq])
        return dict(zip(("type", "actor", "target", "at"), cursor.fetchone(), strict=True))


def next_after(job_id: UUID, seq: int) -> int | None:
    """Return the seq of the job's next stored event after `seq`, None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [job_id, seq])
        [found] = cursor.fetchone()
    return int(found) if found is not None else None


def jobs_after(after: UUID, limit: int) -> list[UUID]:
    """Return up to `limit` ids of jobs that have events, ascending, after `after`."""
    with connection.cursor() as cursor:
        cursor.execute(_JOBS_AFTER, {"after": after, "limit": limit})
        return [job for (job,) in cursor.fetchall()]


def not_as_submitted(job_id: UUID, data: Mapping[str, Any], actor: str) -> list[str]:
    """Return the columns of the job's row that say something else than its first event.

    Postgres compares, because it has its own idea of when two numbers are one. A member that the
    event does not have is not compared.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SUBMITTED, {"job": job_id, "data": json.dumps(data), "actor": actor})
        row = cursor.fetchone() or [False] * len(_MEMBERS)
    compared = {*data, "submitted_by"}
    return [name for name, same in zip(_MEMBERS, row, strict=True) if name in compared and not same]
