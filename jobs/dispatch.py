"""The queue: delivers a job id to a worker, at least once, sooner or later, and nothing else.

Delivering twice, late, or to a worker that dies is harmless, because the job row decides who runs
a job (`jobs.leases`) and the sweep delivers again what has no live lease. So the port is two
functions, and another engine can take procrastinate's place behind them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.db import OperationalError, connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

logger = logging.getLogger(__name__)

QUEUE = "jobs"
RESTART_SECONDS = 1.0
Receiver = Callable[[UUID], Awaitable[None]]
_receivers: list[Receiver] = []


@app.task(name="deliver", queue=QUEUE)  # type: ignore[untyped-decorator]  # no stubs for it
async def _deliver(job: str) -> None:
    for receive in _receivers:
        await receive(UUID(job))


def deliver(job_id: UUID) -> None:
    """Queue a job's id, in the caller's transaction; a no-op where it is queued already."""
    try:
        with transaction.atomic():
            _deliver.configure(queueing_lock=str(job_id)).defer(job=str(job_id))
    except AlreadyEnqueued:
        return
    except ConnectorException as error:  # the database's, in the queue's clothes
        raise OperationalError(str(error)) from error


async def serve(receive: Receiver, name: str, concurrency: int) -> None:
    """Hand every delivered id to `receive`, until cancelled; outlives a Postgres restart."""
    _receivers.append(receive)
    try:
        while True:
            try:
                await _serve_once(name, concurrency)
            except Exception:  # the loop's edge: the queue comes back, the worker stays
                logger.exception("queue lost, trying again", extra={"action": "dispatch"})
            await asyncio.sleep(RESTART_SECONDS)
    finally:
        _receivers.remove(receive)


async def _serve_once(name: str, concurrency: int) -> None:
    worker_app = app.with_connector(app.connector.get_worker_connector())
    async with worker_app.open_async():
        await worker_app.run_worker_async(
            queues=[QUEUE],
            name=name,
            concurrency=concurrency,
            fetch_job_polling_interval=1.0,
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=1.0,
        )


def forget_dead_deliveries(after_seconds: float = 60) -> int:
    """Drop deliveries whose worker died holding them; the sweep has long delivered them again."""
    with connection.cursor() as cursor:
        cursor.execute("select * from procrastinate_prune_stalled_workers_v1(%s)", [after_seconds])
        cursor.execute(
            "delete from procrastinate_jobs where status = 'doing' and worker_id is null"
        )
        return int(cursor.rowcount)
