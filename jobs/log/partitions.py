"""The months that events are partitioned by, made ahead."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import clock
from jobs.log import sql
from jobs.log.sql import fetch_rows

MONTHS_AHEAD = 2


def partition_names() -> list[str]:
    """Return the names of the partitions, oldest first: `jobs_event_2026_11`."""
    return [name for (name,) in fetch_rows(sql.MONTHS)]


def make_ahead() -> list[str]:
    """Make the partitions of this month and the next ones; return the names of the new ones."""
    moments = _months_ahead(clock.now(), MONTHS_AHEAD)
    made = [fetch_rows(sql.MAKE_MONTH, [moment])[0][0] for moment in moments]
    return [name for name in made if name]


def missing_partitions() -> list[str]:
    """Return which of this month's and the next month's partitions are not there."""
    wanted = [f"jobs_event_{moment:%Y_%m}" for moment in _months_ahead(clock.now(), 1)]
    return sorted(set(wanted) - set(partition_names()))


def _months_ahead(start: datetime, count: int) -> list[datetime]:
    moments = [start.replace(day=1, hour=12)]
    for _ in range(count):
        moments.append((moments[-1] + timedelta(days=32)).replace(day=1))
    return moments
