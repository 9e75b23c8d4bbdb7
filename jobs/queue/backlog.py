"""How much there is to do: unfinished jobs by status, and how long the first of the queue waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from core.metrics import build_family
from jobs.events.fold import CANCELLING, PAUSED, QUEUED, RUNNING, WAITING
from jobs.log.sql import fetch_rows

UNFINISHED = (QUEUED, RUNNING, WAITING, PAUSED, CANCELLING)

# The condition is that of the index job_unfinished. The system's own log has jobs that never end.
_BACKLOG = """
select status, count(*), extract(epoch from clock_timestamp() - min(last_at))::float8
from jobs_job
where status not in ('succeeded', 'failed', 'cancelled') and kind <> 'system'
group by status
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Unfinished jobs: how many have a status, and for how many seconds a queued one has waited."""

    counts: Mapping[str, int]
    lag_seconds: float


def read_backlog() -> Backlog:
    """Return the backlog as it is now."""
    found = {status: (count, seconds) for status, count, seconds in fetch_rows(_BACKLOG)}
    counts = {status: found[status][0] if status in found else 0 for status in UNFINISHED}
    return Backlog(counts, max(0.0, found[QUEUED][1]) if QUEUED in found else 0.0)


class BacklogCollector:
    """Reads the backlog from the database when it is asked."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        backlog = read_backlog()
        about = "Unfinished jobs by status."
        yield build_family("reprise_jobs", "gauge", about, "status", backlog.counts)
        about = "For how long the job has been queued that has waited longest for a worker."
        lag = {"": round(backlog.lag_seconds, 3)}
        yield build_family("reprise_queue_lag_seconds", "gauge", about, "of", lag)
