"""The feed of all jobs as a list of jobs sees it: which jobs have moved, and how each stands now.

A summary is at the position of its job's newest event in the feed, and says what the job's row said
when it was read: the state after that event, or a later one. So the last summary of a job that
stands still is its state, and who has read to the feed's end has the state of all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobs.log import AsyncReader

# Positions have no gaps, so a page is a range. A job that moves on behind the page is left to the
# page in which its newest event is; a job's events are in the feed by seq without gaps, so the next
# one is there or none is. `known` are events that rows had before the feed did. The system's own
# log is in no list.
_PAGE = """
with page as (
  select position, job, seq from jobs_feed
  where position > %(after)s and position <= %(after)s::bigint + %(limit)s
), moved as (
  select job, max(position) as position, max(seq) as seq from page group by job
), newest as (
  select moved.position, job.id, job.owner_id, job.team_id, job.kind, job.title, job.status,
         job.done, job.total, job.head, job.failed,
         case when job.head > moved.seq then job.head end as unfed
  from moved join jobs_job job on job.id = moved.job and job.kind <> 'system'
  where not exists (
    select 1 from jobs_feed later where later.job = moved.job and later.seq = moved.seq + 1
  )
), known as (
  select * from unnest(%(jobs)s::uuid[], %(seqs)s::bigint[]) known (job, seq)
)
select reached.position, state.position,
       (select job || ':' || seq from jobs_feed where position = %(after)s),
       (select job || ':' || seq from page order by position desc limit 1),
       exists (select from known left join jobs_job job on job.id = known.job
               where known.seq > coalesce(job.head, 0)),
       array(select known.job from known join jobs_feed fed using (job, seq)
             where fed.position <= %(after)s::bigint + %(limit)s),
       newest.*
from (select coalesce(max(position), %(after)s) as position from page) reached
left join jobs_feed_state state on true
left join newest on true order by newest.position
"""

_END = "select position from jobs_feed_state"

_MEMBERS = ("job_kind", "title", "status", "done", "total", "head", "failed")


@dataclass(frozen=True, slots=True)
class Summary:
    """How a job stands that has moved at `position`; `text` is that as JSON.

    `owner` and `team`, ids, and `kind` are for `jobs.access.visibility`; followers get `text`
    alone.
    """

    position: int
    job: UUID
    owner: int | None
    team: int | None
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """The jobs whose newest event is after position `after` and up to `last`, in that order.

    `end` is the feed's newest position at that moment; `before` and `newest` say which event is at
    `after` and at `last` (None: the feed has none there, or the page is empty).

    `unfed` has the heads of the jobs whose rows are ahead of the feed. Of the heads known before,
    `fed` has those that the feed has up to `last`; `lost` says that some job is not that far.
    """

    after: int
    last: int
    summaries: Sequence[Summary]
    end: int = 0
    before: str | None = None
    newest: str | None = None
    unfed: Mapping[UUID, int] = field(default_factory=dict)
    fed: Mapping[UUID, int] = field(default_factory=dict)
    lost: bool = False


class AsyncSummaries:
    """Reads the feed from an event loop. Raises psycopg.Error while Postgres is away."""

    def __init__(self, reader: AsyncReader) -> None:
        self._reader = reader

    async def page(self, after: int, limit: int, known: Mapping[UUID, int]) -> SummaryPage:
        """Return what the `limit` positions after `after` bring; at the end, `last` is `after`.

        `known` are heads of jobs that were ahead of the feed when their rows were read.
        """
        places = {"after": after, "limit": limit}
        heads = {"jobs": list(known), "seqs": list(known.values())}
        rows = await self._reader.fetch(_PAGE, places | heads)
        last, end, before, newest, lost, settled = rows[0][:6]
        fed = {job: known[job] for job in settled}
        found = [row[6:] for row in rows if row[6]]
        summaries = [_row_summary(row[:-1]) for row in found]
        unfed = {row[1]: row[-1] for row in found if row[-1]}
        return SummaryPage(after, last, summaries, end or 0, before, newest, unfed, fed, lost)

    async def end(self) -> int:
        """Return the feed's newest position, 0 for none."""
        rows = await self._reader.fetch(_END, [])
        return int(rows[0][0]) if rows else 0


def _row_summary(row: Sequence[Any]) -> Summary:
    position, job, owner, team, *said = row
    members = {"position": position, "job": str(job), **dict(zip(_MEMBERS, said, strict=True))}
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return Summary(position, job, owner, team, text, members["job_kind"])
