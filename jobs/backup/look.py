"""What is in a restored database, what followers of the lost one will be told, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.migrations.loader import MigrationLoader

from core import clock
from core.errors import CursorAhead, HistoryDiverged, NotFound
from jobs import log
from jobs.backup.database import open_database
from jobs.log import Cursor
from jobs.models import Job

JOBS_AT_ONCE = 1000
HASH8 = 8
_CONTENT = """
select count(*), coalesce(sum(head), 0)::bigint, max(last_at),
       count(*) filter (where status in ('running', 'cancelling')),
       count(*) filter (where status = 'queued'),
       (select coalesce(max(position), 0) from jobs_feed_state),
       (select coalesce(max(number), 0) from jobs_seal)
from jobs_job
"""
_HEADS = "select id, head, encode(head_hash, 'hex') from jobs_job where head > 0 order by id"
Row = dict[str, Any]


def lacks_migrations(url: str) -> bool:
    """Return whether this version of the code has migrations that a database does not have."""
    with open_database(url) as connection:
        applied = set(connection.execute("select app, name from django_migrations").fetchall())
    return not MigrationLoader(None).disk_migrations.keys() <= applied


def read_content(url: str) -> Row:
    """Return how much a restored database has, and up to when."""
    with open_database(url) as connection:
        row = connection.execute(_CONTENT).fetchone() or ()
    names = ("jobs", "events", "newest_event_at", "running", "queued", "feed_position", "seal")
    found: Row = dict(zip(names, row, strict=True))
    newest = found["newest_event_at"]
    return {**found, "newest_event_at": clock.rfc3339(newest) if newest else None}


def follower_words(content: Row) -> list[str]:
    """Return what people who follow, and what workers do, will meet once it is served."""
    return [
        f"Cursors up to {content['newest_event_at']} go on where they are, and feed positions up "
        f"to {content['feed_position']:,}.",
        "Later ones are refused: cursor_ahead, or history_diverged once the job has gone on "
        "otherwise; clients then start again from 0.",
        f"{content['running']} jobs were running: a worker runs again what is not recorded as "
        f"done. {content['queued']} were queued.",
    ]


def compare_heads(url: str) -> Row:
    """Hold every log of a restored database against this installation's, which only is read.

    `same` jobs have the same head here, `behind` ones have gone on here since (`events_behind`
    later), `different` ones have other events here: then one of the two was changed.
    """
    found: Row = {"same": 0, "behind": 0, "events_behind": 0, "different": []}
    with open_database(url) as connection, connection.cursor("heads") as cursor:
        cursor.execute(_HEADS)
        for page in _pages(cursor):
            ours = Job.objects.in_bulk([job for job, _, _ in page])
            for job, head, hashed in page:
                _compare_head(ours.get(job), job, head, hashed, found)
    return found


def _pages(cursor: Any) -> Iterator[tuple[tuple[UUID, int, str], ...]]:
    while page := cursor.fetchmany(JOBS_AT_ONCE):
        yield tuple(page)


def _compare_head(ours: Job | None, job: UUID, head: int, hashed: str, found: Row) -> None:
    if ours is not None and (ours.head, bytes(ours.head_hash).hex()) == (head, hashed):
        found["same"] += 1
        return
    try:
        now = log.check_cursor(job, Cursor(head, hashed[:HASH8]))
    except (CursorAhead, HistoryDiverged, NotFound):
        found["different"].append(str(job))
        return
    found["behind"] += 1
    found["events_behind"] += now.seq - head
