"""Which workers are there and which job kinds they know; the kinds that none of them knows.

Each worker renews its row every few seconds and removes it when it stops. A worker that died is no
longer live once its row is LIVE_SECONDS old; housekeeping removes the row a day later. Only this
module writes `jobs_worker`.

A worker that does not know a job's kind leaves the job (`jobs.queue.leases`), as does one whose
version of the kind cannot go on with the run; one that can finds it here (`jobs.worker.presence`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from uuid import UUID

from core.words import counted
from jobs.log.sql import change_rows, fetch_rows

logger = logging.getLogger(__name__)

LIVE_SECONDS = 30.0
FORGET_SECONDS = 24 * 3600.0
KINDS_SAID = 5

_RENEW = """
insert into jobs_worker (name, kinds, versions, seen_at)
values (%s, %s, %s::jsonb, clock_timestamp())
on conflict (name) do update set
  kinds = excluded.kinds, versions = excluded.versions, seen_at = excluded.seen_at
"""

_FORGET = "delete from jobs_worker where seen_at < clock_timestamp() - %s * interval '1 second'"

_LIVE = """
select count(*) from jobs_worker where seen_at > clock_timestamp() - %s * interval '1 second'
"""

# Both repeat the condition of the index job_unknown_kind (migration 0015), to use it.
_NEXT = """
select id from jobs_job
where status = 'waiting' and waiting_for @> '[{"for": "kind"}]' and kind = any(%s)
  and not coalesce(waiting_for -> 0 -> 'versions' ? (%s::jsonb ->> kind), false)
order by priority desc, id limit %s
"""

_UNKNOWN = """
select kind, count(*) from jobs_job job
where status = 'waiting' and waiting_for @> '[{"for": "kind"}]' and not exists (
  select from jobs_worker worker
  where job.kind = any(worker.kinds)
    and not coalesce(job.waiting_for -> 0 -> 'versions' ? (worker.versions ->> job.kind), false)
    and worker.seen_at > clock_timestamp() - %s * interval '1 second'
)
group by kind order by kind
"""


def renew_worker(worker: str, kinds: Mapping[str, str]) -> None:
    """Say that a worker is live, and which kinds it knows, each with its version."""
    change_rows(_RENEW, [worker, list(kinds), json.dumps(dict(kinds))])


def remove_worker(worker: str) -> None:
    """Remove a worker that stops."""
    change_rows("delete from jobs_worker where name = %s", [worker])


def count_live() -> int:
    """Return how many workers are live."""
    [(count,)] = fetch_rows(_LIVE, [LIVE_SECONDS])
    return int(count)


def forget_silent() -> int:
    """Remove workers that have not been seen for a day; return how many."""
    return change_rows(_FORGET, [FORGET_SECONDS])


def waiting_jobs(kinds: Mapping[str, str], most: int) -> list[UUID]:
    """Return the first jobs that wait for a worker that knows one of these kinds.

    Not those that have been found to need another version of it than this one.
    """
    return [job for (job,) in fetch_rows(_NEXT, [list(kinds), json.dumps(dict(kinds)), most])]


def unknown_kinds() -> dict[str, int]:
    """Return the kinds that jobs wait for, with the number of jobs, where no live worker helps.

    None knows the kind, or all that do have versions that cannot go on with the runs.
    """
    return dict(fetch_rows(_UNKNOWN, [LIVE_SECONDS]))


def describe_kinds(found: Mapping[str, int]) -> str:
    """Return the kinds in words: "no worker can run backup (2 jobs wait), brew (1 job waits)"."""
    said = [
        f"{kind} ({counted(jobs, 'job waits', 'jobs wait')})"
        for kind, jobs in list(found.items())[:KINDS_SAID]
    ]
    more = len(found) - len(said)
    return f"no worker can run {', '.join(said)}{f' and {more} more' if more else ''}"


class Notice:
    """Logs which kinds nobody knows when that changes."""

    def __init__(self) -> None:
        self._told: frozenset[str] = frozenset()

    def tell(self) -> None:
        """Look, and log what has changed since the last look."""
        found = unknown_kinds()
        kinds = frozenset(found)
        new = {kind: jobs for kind, jobs in found.items() if kind not in self._told}
        if new:
            logger.warning(
                "%s: install the package, in a version that fits its runs, or name the kind in"
                " REPRISE_KINDS where workers run",
                describe_kinds(new), extra={"action": "kinds"},
            )  # fmt: skip
        for kind in sorted(self._told - kinds):
            logger.info("no job waits for %s without a worker now", kind, extra={"action": "kinds"})
        self._told = kinds
