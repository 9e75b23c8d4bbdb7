"""What sweeper and sealer do again and again.

Each duty fails by itself, and it shows when one rests.

The duties run in a few threads: those of a thread take turns, and a thread that hangs holds up no
other. After a pass the row in `jobs_duty` says when the duty was last done well, at most every few
seconds where nothing has changed. `late` tells from these rows, in any process, what is not done.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import Error, connection

from core.db import leave_pool
from core.user_code import describe_error
from jobs.log.sql import change_rows, fetch_rows

logger = logging.getLogger(__name__)

SEALS = "seals"
"""The sealer's one duty; all others are the sweeper's."""

TICK_SECONDS = 0.25
RETRY_SECONDS = 1.0
BEAT_SECONDS = 5.0
LATE_SECONDS = 30.0

_DONE = """
insert into jobs_duty (name, every, done_at, failures, error)
values (%(name)s, %(every)s, clock_timestamp(), 0, '')
on conflict (name) do update
set every = excluded.every, done_at = excluded.done_at, failures = 0, error = ''
"""

_FAILED = """
insert into jobs_duty (name, every, done_at, failures, error)
values (%(name)s, %(every)s, null, 1, %(error)s)
on conflict (name) do update
set every = excluded.every, failures = jobs_duty.failures + 1, error = excluded.error
"""

_STANDINGS = """
select name, every, extract(epoch from clock_timestamp() - done_at)::float8, failures, error
from jobs_duty order by name
"""


@dataclass(slots=True)
class Duty:
    """Something to be done every so many seconds; `work` may raise anything."""

    name: str
    work: Callable[[], object]
    every: float
    due: float = 0.0
    well: bool = False
    told: float = field(default=float("-inf"))
    done_at: float = field(default_factory=time.monotonic)  # or when it could first have been done

    @property
    def is_late(self) -> bool:
        """Whether this process should have done it long ago."""
        return time.monotonic() - self.done_at > latest_seconds(self.every)

    def run_if_due(self) -> None:
        """Do it once, if it is due; note how it went."""
        if self.due > time.monotonic():
            return
        self.due = time.monotonic() + self.every
        try:
            self.work()
        except BaseException as error:
            # The loop's edge. A database that is away needs no traceback each second.
            odd = not isinstance(error, Error)
            where = {"action": "sweep"}
            logger.warning(
                "%s failed: %s", self.name, describe_error(error), exc_info=odd, extra=where
            )
            self.due = time.monotonic() + min(max(self.every, RETRY_SECONDS), LATE_SECONDS)
            self._write_status(_FAILED, describe_error(error))
            self.well = False
        else:
            if not self.well or time.monotonic() - self.told > BEAT_SECONDS:
                self._write_status(_DONE)
            self.well = True
            self.done_at = time.monotonic()

    def _write_status(self, statement: str, error: str = "") -> None:
        """Write down how it went; if the database is away, everybody sees that by themselves."""
        try:
            if not connection.is_usable():
                connection.close()
            change_rows(statement, {"name": self.name, "every": self.every, "error": error})
            self.told = time.monotonic()
        except Exception as error:
            if not isinstance(error, Error):
                logger.exception("%s could not be noted", self.name, extra={"action": "sweep"})
            connection.close()


@dataclass(frozen=True, slots=True)
class Standing:
    """A duty: when it was last done well (seconds ago; None: never), failures in a row, why."""

    name: str
    every: float
    seconds: float | None
    failures: int
    error: str

    @property
    def late(self) -> bool:
        """Whether it should have been done long ago: twice its time and half a minute."""
        return self.seconds is None or self.seconds > latest_seconds(self.every)


def latest_seconds(every: float) -> float:
    """Return after how many seconds a duty is late."""
    return 2 * every + LATE_SECONDS


def duty_status() -> list[Standing]:
    """Return how every duty does that a sweeper has ever had here."""
    return [Standing(*row) for row in fetch_rows(_STANDINGS)]


def keep_only(names: Sequence[str]) -> None:
    """Forget what duties of other names, which an earlier Reprise had, were last noted to be."""
    change_rows("delete from jobs_duty where name <> all(%s)", [list(names)])


def start_duties(groups: Sequence[Sequence[Duty]], stop: threading.Event) -> list[threading.Thread]:
    """Do the duties until `stop`, those of a group in one thread; return the threads."""
    threads = [
        threading.Thread(target=_serve_group, args=(group, stop), name=group[0].name, daemon=True)
        for group in groups
    ]
    for thread in threads:
        thread.start()
    return threads


def _serve_group(group: Sequence[Duty], stop: threading.Event) -> None:
    leave_pool()
    while not stop.wait(TICK_SECONDS):
        for duty in group:
            duty.run_if_due()
    connection.close()
