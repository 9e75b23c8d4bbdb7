"""The other door in: a job that has its history already, stored with every text as it stands.

Nothing is made here: no seq, no hash, no time. Anyone who calls has checked the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from core.errors import NotNow
from jobs.log import sql
from jobs.models import Job

_COPY = "copy jobs_event (job, seq, at, type, actor, target, text) from stdin"

# The application's role may keep a transaction open for a minute; a million events take longer.
# The parameter says whether for this transaction only. Postgres 15 and 16 have no
# transaction_timeout, so what is there is asked.
NO_LIMIT = """
select set_config(name, '0', %s) from pg_settings
where name in (
  'transaction_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout'
)
"""


class StoredEvent(NamedTuple):
    """One event as the table has it: `at` is RFC 3339, `text` the whole event."""

    seq: int
    at: str
    type: str
    actor: str
    target: str | None
    text: str


def restore_job(job: Job, events: Iterable[StoredEvent]) -> None:
    """Store a job's row, complete as it is, and its events, all in one transaction.

    `events` is read as it is stored, so what it raises undoes everything. The month of the job's
    id must be there (`make_month`). Raises IntegrityError if the job is known.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NO_LIMIT, [True])
        job.save(force_insert=True)
        with cursor.copy(_COPY) as copy:
            for event in events:
                copy.write_row((job.pk, *event))


def make_month(moment: datetime) -> None:
    """Make the partition of a month where it is missing; NotNow while it is being dropped.

    In a transaction of its own: making one locks the whole log for a moment.
    """
    sql.fetch_rows(sql.MAKE_MONTH, [moment])
    if (f"jobs_event_{moment:%Y_%m}",) not in sql.fetch_rows(sql.MONTHS):
        raise NotNow(f"The month {moment:%Y-%m} is being archived just now.")


def known_heads(job_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """Return (head, hash in hex) of those of the jobs that are here."""
    return {row[0]: (row[1], row[2]) for row in sql.fetch_rows(sql.HEADS, [list(job_ids)])}
