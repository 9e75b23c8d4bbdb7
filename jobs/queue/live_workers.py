"""Which workers are there and which job kinds they know. The only SQL that writes `jobs_worker`.

Each worker renews its row every few seconds and removes it when it stops. A worker that died is no
longer live once its row is LIVE_SECONDS old; housekeeping removes the row a day later.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobs.log.sql import change_rows

LIVE_SECONDS = 30.0
FORGET_SECONDS = 24 * 3600.0

_RENEW = """
insert into jobs_worker (name, kinds, seen_at) values (%s, %s, clock_timestamp())
on conflict (name) do update set kinds = excluded.kinds, seen_at = excluded.seen_at
"""

_FORGET = "delete from jobs_worker where seen_at < clock_timestamp() - %s * interval '1 second'"


def renew_worker(worker: str, kinds: Sequence[str]) -> None:
    """Say that a worker is live, and which kinds it knows."""
    change_rows(_RENEW, [worker, list(kinds)])


def remove_worker(worker: str) -> None:
    """Remove a worker that stops."""
    change_rows("delete from jobs_worker where name = %s", [worker])


def forget_silent() -> int:
    """Remove workers that have not been seen for a day; return how many."""
    return change_rows(_FORGET, [FORGET_SECONDS])
