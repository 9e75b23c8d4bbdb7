"""What an engine has to do. It is given ids and hints; whether a job runs the job row decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

Receiver = Callable[[UUID], Awaitable[None]]
"""Takes a delivered id; returns once it is taken or refused, and waits while there is no room."""


class Engine(Protocol):
    """Delivers ids at least once, sooner or later; what it loses the sweep delivers again."""

    def deliver(self, job_id: UUID, at: datetime | None = None, priority: int = 0) -> None:
        """Queue an id for whichever worker has room; nothing where it is queued already.

        Not before the caller's transaction has committed, and never when it rolls back. `at` and
        `priority` (a higher one first) are hints. Raises django.db.OperationalError if the
        queue cannot be reached, so that the caller's transaction fails with it.
        """

    async def serve(self, receive: Receiver, name: str, capacity: int) -> None:
        """Await `receive` for every id delivered to this worker, until cancelled.

        At most `capacity` at once, in the order of their priority, then of delivery. Outlives a
        restart of what the engine is built on.
        """

    def forget_dead_deliveries(self) -> int:
        """Drop what a worker held when it died; return how many. Called now and then."""
