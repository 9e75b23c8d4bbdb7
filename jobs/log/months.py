"""The months that events are partitioned by: made ahead, and how one goes as a whole.

Letting go is the owner's: `Owner` has a connection of its own, since the application's role may
not change tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import psycopg
from django.db import transaction
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Composed, Identifier, Literal

from core import clock
from core.errors import NotNow, RepriseError
from core.ids import uuid7_floor
from jobs.log import sql
from jobs.log.restore import NO_LIMIT
from jobs.log.sql import fetch_rows

ROWS_AT_ONCE = 1000
MONTHS_AHEAD = 2
# The system's own log has months of its own, so many years later than any job's.
SYSTEM_YEARS = 6000
# How long a statement of the owner's stands in the way of others before it steps back.
PATIENCE_MS = 2000

_TABLES = """
select c.relname, i.inhrelid is not null, coalesce(i.inhdetachpending, false)
from pg_class c
left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'jobs_event'::regclass
where c.relkind = 'r' and c.relname ~ '^jobs_event_[0-9]{4}_[0-9]{2}$'
  and c.relnamespace = (select relnamespace from pg_class where oid = 'jobs_event'::regclass)
"""

_COUNT = "select count(*) from jobs_event where job >= %s and job < %s"

_ROWS = """
select job, seq, text from jobs_event
where job >= %(job)s and (job, seq) > (%(job)s, %(seq)s) and job < %(high)s
order by job, seq limit %(limit)s
"""

_UNFED = """
select count(*) from jobs_event event where job >= %s and job < %s
and not exists (select from jobs_feed feed where feed.job = event.job and feed.seq = event.seq)
"""

_DROPPED = """
select max(month) from jobs_archive
where dropped_at is not null and extract(year from month) < %s
"""

_RIGHT = """
select pg_has_role(relowner, 'usage'), current_user
from pg_class where oid = 'jobs_event'::regclass
"""


class NoRight(RepriseError):
    """Dropping a month takes the right of the database's owner."""


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month in UTC, the one in which its jobs' ids were made.

    Years from SYSTEM_YEARS on are those of the system's own log (`jobs.system_log`).
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the month that `2026-10` is; ValueError for anything else."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
            raise ValueError(f"a month is written 2026-10, not {text!r}")
        first = date.fromisoformat(f"{text}-01")
        return cls(first.year, first.month)

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Return the month that a moment is in."""
        return cls(moment.astimezone(UTC).year, moment.astimezone(UTC).month)

    @classmethod
    def of_day(cls, day: date) -> Self:
        """Return the month that a day is in."""
        return cls(day.year, day.month)

    def __str__(self) -> str:
        if self.is_system:
            return f"system-{self.year - SYSTEM_YEARS:04}-{self.number:02}"
        return f"{self.year:04}-{self.number:02}"

    @property
    def is_system(self) -> bool:
        """Whether it is a month of the system's own log, not of jobs."""
        return self.year >= SYSTEM_YEARS

    @property
    def of_system(self) -> Month:
        """The month of the system's own log that is the same calendar month."""
        return Month(self.year + SYSTEM_YEARS, self.number)

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def earlier(self, count: int) -> Month:
        """Return the month so many before."""
        year, place = divmod(self.year * 12 + self.number - 1 - count, 12)
        return Month(year, place + 1)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def table(self) -> str:
        """The name of its partition."""
        return f"jobs_event_{self.year:04}_{self.number:02}"

    @property
    def bounds(self) -> tuple[UUID, UUID]:
        """The smallest id of a job in it, and that of the next month."""
        return uuid7_floor(_month_start(self)), uuid7_floor(_month_start(self.next))


class State(StrEnum):
    """What a month's table is: a partition, one on its way out, or a table of its own."""

    ATTACHED = "attached"
    DETACHING = "detaching"
    DETACHED = "detached"


def month_tables() -> dict[Month, State]:
    """Return every month that has a table, oldest first."""
    found = {}
    for name, attached, pending in fetch_rows(_TABLES):
        state = State.DETACHING if pending else State.ATTACHED if attached else State.DETACHED
        found[Month.parse(name.removeprefix("jobs_event_").replace("_", "-"))] = state
    return dict(sorted(found.items()))


def partition_names() -> list[str]:
    """Return the names of the partitions, oldest first: `jobs_event_2026_11`."""
    return [name for (name,) in fetch_rows(sql.MONTHS)]


def make_ahead() -> list[str]:
    """Make the partitions of this month and the next ones; return the names of the new ones."""
    starts = map(_month_start, _with_system(_next_months(MONTHS_AHEAD)))
    made = [fetch_rows(sql.MAKE_MONTH, [start])[0][0] for start in starts]
    return [name for name in made if name]


def missing_partitions() -> list[str]:
    """Return which of this month's and the next month's partitions are not there."""
    wanted = {month.table for month in _with_system(_next_months(1))}
    return sorted(wanted - set(partition_names()))


def _next_months(count: int) -> list[Month]:
    """Return this month and so many after it."""
    months = [Month.of(clock.now())]
    for _ in range(count):
        months.append(months[-1].next)
    return months


def _with_system(months: list[Month]) -> list[Month]:
    return [*months, *(month.of_system for month in months)]


def count_events(month: Month) -> int:
    """Return how many events an attached month has."""
    return _count_rows(_COUNT, month)


def month_rows(month: Month) -> Iterator[tuple[UUID, int, str]]:
    """Yield (job, seq, text) of an attached month's events in that order, in constant memory."""
    job, high = month.bounds
    place = {"job": job, "seq": 0, "high": high, "limit": ROWS_AT_ONCE}
    while page := fetch_rows(_ROWS, place):
        yield from page
        place |= {"job": page[-1][0], "seq": page[-1][1]}


def count_unfed(month: Month) -> int:
    """Return how many of a month's events the feed does not have yet."""
    return _count_rows(_UNFED, month)


def archived_before() -> Month | None:
    """Return the month after the newest one of jobs that was dropped; None if none was."""
    [(newest,)] = fetch_rows(_DROPPED, [SYSTEM_YEARS])
    return Month.of_day(newest).next if newest else None


def _count_rows(statement: str, month: Month) -> int:
    with transaction.atomic():
        fetch_rows(NO_LIMIT, [True])
        [(events,)] = fetch_rows(statement, month.bounds)
    return int(events)


def _month_start(month: Month) -> datetime:
    return datetime(month.year, month.number, 1, tzinfo=UTC)


class Owner:
    """The connection that lets months go; one at a time in the whole database.

    Raises NotNow if another archives now, NoRight from `require_right`.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, application_name="reprise-archive")
        self._connection.execute(NO_LIMIT, [False])
        self._connection.execute(f"set lock_timeout = {PATIENCE_MS}")
        [(mine,)] = self._fetch_rows(SQL("select pg_try_advisory_lock(hashtext('jobs.archive'))"))
        if not mine:
            self._connection.close()
            raise NotNow("Another process is archiving now.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def require_right(self) -> None:
        """Raise NoRight unless this role may detach and drop partitions."""
        [(may, role)] = self._fetch_rows(SQL(_RIGHT))
        if not may:
            raise NoRight(
                f"The role {role} may not drop a month: give the address of the database's owner, "
                "by REPRISE_SUPERUSER_DATABASE_URL or --owner-url. (--keep drops nothing.)"
            )

    def detach(self, month: Month, again: Callable[[], bool]) -> None:
        """Detach a month, or finish a detachment that was begun; NotNow once `again` says no.

        Concurrently: readers and writers go on. It waits for the transactions that were open; one
        that outlasts all patience leaves the month `detaching`, which the next call takes up.
        """
        while (state := month_tables()[month]) != State.DETACHED:
            how = SQL("concurrently" if state == State.ATTACHED else "finalize")
            statement = SQL("alter table jobs_event detach partition {} {}")
            self._try_locked(statement.format(Identifier(month.table), how), again)

    def attach(self, month: Month) -> None:
        """Make a detached month a partition again."""
        low, high = (Literal(str(bound)) for bound in month.bounds)
        statement = SQL("alter table jobs_event attach partition {} for values from ({}) to ({})")
        self._connection.execute(statement.format(Identifier(month.table), low, high))

    def count(self, month: Month) -> int:
        """Return how many events a month's table has, attached or not."""
        [(events,)] = self._fetch_rows(
            SQL("select count(*) from {}").format(Identifier(month.table))
        )
        return int(events)

    def drop(self, month: Month, again: Callable[[], bool]) -> None:
        """Drop a detached month; NotNow once `again` says no."""
        while month in month_tables():
            self._try_locked(SQL("drop table {}").format(Identifier(month.table)), again)

    def _try_locked(self, statement: Composed, again: Callable[[], bool]) -> None:
        try:
            self._connection.execute(statement)
        except LockNotAvailable as error:
            if not again():
                raise NotNow(
                    "Transactions that began before are still open. Nothing is lost: call this "
                    "again later, it goes on where it is."
                ) from error

    def _fetch_rows(self, statement: SQL | Composed) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()
