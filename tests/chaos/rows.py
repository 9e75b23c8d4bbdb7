"""Reads and writes the database, and tries again while it is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Sum
from psycopg import OperationalError as DriverError

from jobs import commands, feed, log
from jobs.access import visibility
from jobs.events.fold import TERMINAL
from jobs.integrity import verify_job
from jobs.models import Claim, Job, Target
from ops.errors import CannotStart
from tests.chaos import failing_extensions

AWAY_SECONDS = 60.0
PAUSE_SECONDS = 0.1
USER = "chaos"

T = TypeVar("T")


class GaveUp(CannotStart):
    """The database did not come back, or the series is being stopped."""


class Rows:
    """The database as a client sees it that does not give up; for any thread."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping

    def ask(self, question: Callable[[], T]) -> T:
        """Return what `question` returns, asked again while the database is away; GaveUp."""
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return question()
            except (OperationalError, InterfaceError, DriverError) as error:
                connection.close()
                if time.monotonic() > deadline:
                    raise GaveUp(f"The database stays away: {error}") from error
            if self._stopping.wait(PAUSE_SECONDS):
                raise GaveUp("stopped")

    def take_stock(self, targets: Sequence[Mapping[str, Any]]) -> None:
        """Write targets into the inventory, and the user who submits jobs."""
        Target.objects.bulk_create(Target(**target) for target in targets)
        User.objects.get_or_create(username=USER, is_staff=True)

    def place_bystanders(self) -> None:
        """Have a bad schedule stand by, beside the bad consumer that the settings name."""
        self.ask(lambda: failing_extensions.place_schedule(User.objects.get(username=USER)))

    def bystanders(self) -> list[str]:
        """Return what is wrong with how these two fail, or with what goes on beside them."""
        return self.ask(lambda: list(failing_extensions.unnoticed_faults()))

    def workers(self) -> int:
        """Return how many workers have come to the queue."""
        return self.ask(_workers)

    def submit(self, key: str, kind: str, params: Mapping[str, Any]) -> UUID:
        """Submit a job; with the key, once, however often it takes."""

        def submit() -> UUID:
            who = visibility.of_user(User.objects.get(username=USER))
            return commands.submit(who, kind, params, idempotency_key=key)[0].pk

        return self.ask(submit)

    def texts(self, job: UUID, after: int = 0) -> list[str]:
        """Return the stored events after a seq, to the head."""
        return self.ask(
            lambda: [text for page in log.read_history(job, after) for text in page.texts]
        )

    def row(self, job: UUID) -> Job:
        """Return the job's row."""
        return self.ask(lambda: Job.objects.get(pk=job))

    def holder(self, job: UUID) -> tuple[int, int] | None:
        """Return the pid of the worker that took the job last, and its attempt; None once ended."""
        row = self.row(job)
        if row.status in TERMINAL or not row.worker:
            return None
        return int(row.worker.rpartition("/")[2]), row.attempt

    def has_ended(self, job: UUID) -> bool:
        """Return whether the job's status is terminal."""
        return self.row(job).status in TERMINAL

    def broken(self, job: UUID) -> str:
        """Return what is wrong with a job's chain, row or columns; nothing where all is right."""
        verdict = self.ask(lambda: verify_job(job))
        return "" if verdict.ok else f"seq {verdict.seq}: {verdict.reason}"

    def loose_ends(self) -> list[str]:
        """Return what jobs that have all ended must not leave behind in the database."""
        return self.ask(lambda: list(_loose_ends()))


def _workers() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from jobs_worker")
        return int(cursor.fetchone()[0])


def _loose_ends() -> Iterator[str]:
    heads = Job.objects.aggregate(heads=Sum("head"))["heads"] or 0
    if (position := feed.feed_end()) != heads:
        yield f"the feed of all jobs has {position} events, the jobs have {heads}"
    jobs = Job.objects.exclude(kind="system")
    if open_jobs := jobs.exclude(status__in=TERMINAL).count():
        yield f"{open_jobs} jobs have not ended"
    if claims := Claim.objects.count():
        yield f"{claims} targets are still claimed"
