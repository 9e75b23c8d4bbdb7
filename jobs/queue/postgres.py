"""procrastinate as the engine: ids in Postgres, queued in the transaction that changes the job.

procrastinate queues the ids. Its worker fetches one at a time and notes each start and end; this
one fetches as many as it has places for, and removes them with the same statement.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from psycopg import AsyncConnection

from jobs.log.sql import change_rows, fetch_rows
from jobs.queue.port import Receiver

logger = logging.getLogger(__name__)

QUEUE, TASK = "jobs", "deliver"
POLL_SECONDS = 1.0  # a notification may be lost, and a delivery may be for later
RESTART_SECONDS = 1.0
GRACE_SECONDS = 1.0
DEAD_SECONDS = 60.0
# The channel on which procrastinate tells of what is queued.
_LISTEN = f'listen "procrastinate_queue_v1#{QUEUE}"'

_FETCH = """
with gone as (
  delete from procrastinate_jobs where id in (
    select id from procrastinate_jobs
    where status = 'todo' and queue_name = %s and (scheduled_at is null or scheduled_at <= now())
    order by priority desc, id limit %s for update skip locked
  )
  returning priority, id, args ->> 'job' as job
)
select job from gone order by priority desc, id
"""


class Procrastinate:
    """The engine of an installation: nothing to run beside Postgres, many hosts on one database."""

    def deliver(self, job_id: UUID, at: datetime | None = None, priority: int = 0) -> None:
        """Insert the id in the caller's transaction; the queueing lock lets it be there once."""
        options = {"queueing_lock": str(job_id), "priority": priority, "schedule_at": at}
        try:
            with transaction.atomic():
                app.configure_task(TASK, queue=QUEUE, **options).defer(job=str(job_id))
        except AlreadyEnqueued:
            return
        except ConnectorException as error:  # the database's, in the queue's clothes
            raise OperationalError(str(error)) from error

    async def serve(self, receive: Receiver, name: str, capacity: int) -> None:
        """Fetch what is due, as much as there is room for; connect again where that fails."""
        received = _Received(receive, capacity)
        try:
            while True:
                try:
                    await _serve_once(received)
                except Exception:  # the loop's edge: the queue comes back, the worker stays
                    logger.exception("queue lost, trying again", extra={"action": "dispatch"})
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            await received.end()

    def forget_dead_deliveries(self) -> int:
        """Delete what workers of earlier versions held that are silent for a minute.

        These noted what they had fetched. The sweep has long been by.
        """
        fetch_rows("select * from procrastinate_prune_stalled_workers_v1(%s)", [DEAD_SECONDS])
        return change_rows(
            "delete from procrastinate_jobs where status = 'doing' and worker_id is null"
        )


class _Received:
    """Deliveries that `receive` has been called for and that have not been taken or refused yet.

    What is fetched is lost to other workers, so that there are `capacity` at most; a fetch waits
    until half of them are over, and so brings several where much is queued.
    """

    def __init__(self, receive: Receiver, capacity: int) -> None:
        self._receive, self._capacity = receive, capacity
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def wait_for_room(self) -> int:
        """Return how many may be fetched; 0 where there has been no room for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._has_room.wait()
        return self._capacity - len(self._tasks) if self._has_room.is_set() else 0

    def add(self, job_id: UUID) -> None:
        """Have one more received."""
        task = asyncio.ensure_future(self._receive(job_id))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        self._note_room()

    async def end(self) -> None:
        """Give those that are on their way a moment; the sweep delivers what waits in vain."""
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._note_room()

    def _note_room(self) -> None:
        if len(self._tasks) <= self._capacity // 2:
            self._has_room.set()
        else:
            self._has_room.clear()


async def _serve_once(received: _Received) -> None:
    """Fetch as there is room and as news comes, over one connection."""
    params: dict[str, Any] = connector_params() | {"autocommit": True}
    async with await AsyncConnection.connect(**params) as connection:
        await connection.execute(_LISTEN)
        while True:
            room = await received.wait_for_room()
            await _hear_news(connection, 0)  # the fetch sees what these are about
            if not room:
                continue
            found = await _fetch_ids(connection, room)
            for job_id in found:
                received.add(job_id)
            if len(found) < room:
                await _hear_news(connection, POLL_SECONDS)


async def _hear_news(connection: AsyncConnection[Any], seconds: float) -> None:
    """Return at the first notification, after so many seconds at the latest."""
    async for _ in connection.notifies(timeout=seconds, stop_after=1):
        pass


async def _fetch_ids(connection: AsyncConnection[Any], limit: int) -> list[UUID]:
    """Take the first that are due off the queue."""
    cursor = await connection.execute(_FETCH, [QUEUE, limit])
    return [UUID(job) for (job,) in await cursor.fetchall()]
