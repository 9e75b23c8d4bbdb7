"""procrastinate as the engine: ids in Postgres, queued in the transaction that changes the job."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from jobs.log.sql import change_rows, fetch_rows
from jobs.queue.port import Receiver

logger = logging.getLogger(__name__)

QUEUE = "jobs"
RESTART_SECONDS = 1.0
GRACE_SECONDS = 1.0
DEAD_SECONDS = 60.0
_receivers: list[Receiver] = []


@app.task(name="deliver", queue=QUEUE)  # type: ignore[untyped-decorator]  # no stubs for it
async def _receive_job(job: str) -> None:
    for receive in _receivers:
        await receive(UUID(job))


class Procrastinate:
    """The engine of an installation: nothing to run beside Postgres, many hosts on one database."""

    def deliver(self, job_id: UUID, at: datetime | None = None, priority: int = 0) -> None:
        """Insert the id in the caller's transaction; the queueing lock lets it be there once."""
        options = {"queueing_lock": str(job_id), "priority": priority, "schedule_at": at}
        try:
            with transaction.atomic():
                _receive_job.configure(**options).defer(job=str(job_id))
        except AlreadyEnqueued:
            return
        except ConnectorException as error:  # the database's, in the queue's clothes
            raise OperationalError(str(error)) from error

    async def serve(self, receive: Receiver, name: str, capacity: int) -> None:
        """Run procrastinate's worker, and start it again where it gives up."""
        _receivers.append(receive)
        try:
            while True:
                serving = asyncio.create_task(_serve_once(name, capacity))
                try:
                    await asyncio.shield(serving)
                except asyncio.CancelledError:
                    await _cancel_task(serving)
                    raise
                except Exception:  # the loop's edge: the queue comes back, the worker stays
                    logger.exception("queue lost, trying again", extra={"action": "dispatch"})
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            _receivers.remove(receive)

    def forget_dead_deliveries(self) -> int:
        """Delete what workers that are silent for a minute held; the sweep has long been by."""
        fetch_rows("select * from procrastinate_prune_stalled_workers_v1(%s)", [DEAD_SECONDS])
        return change_rows(
            "delete from procrastinate_jobs where status = 'doing' and worker_id is null"
        )


async def _cancel_task(serving: asyncio.Task[None]) -> None:
    """Cancel until it ends: procrastinate's worker overlooks a cancellation while it starts."""
    while not serving.done():
        serving.cancel()
        await asyncio.wait([serving], timeout=2 * GRACE_SECONDS)


async def _serve_once(name: str, capacity: int) -> None:
    worker_app = app.with_connector(PsycopgConnector())
    async with _make_pool() as pool, worker_app.open_async(pool):
        await worker_app.run_worker_async(
            queues=[QUEUE],
            name=name,
            concurrency=capacity,
            fetch_job_polling_interval=1.0,
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=GRACE_SECONDS,
            # Those of its Django app close connections that our task, on the event loop, never has.
            task_middleware=[],
        )


def _make_pool() -> AsyncConnectionPool:
    """Return a pool for procrastinate's worker, in one round trip a call instead of four.

    Each of its calls is one statement and needs no transaction around it. A connection is not
    tried before it is used: one that has died costs a delivery, which the sweep makes again.
    """
    return AsyncConnectionPool(
        kwargs=connector_params(), configure=_without_transactions, open=False
    )


async def _without_transactions(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)
