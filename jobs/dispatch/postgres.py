"""procrastinate as the engine: ids in Postgres, queued in the transaction that changes the job."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from uuid import UUID

from django.db import OperationalError, connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from jobs.dispatch.port import Receiver

logger = logging.getLogger(__name__)

QUEUE = "jobs"
RESTART_SECONDS = 1.0
DEAD_SECONDS = 60.0
_receivers: list[Receiver] = []


@app.task(name="deliver", queue=QUEUE)  # type: ignore[untyped-decorator]  # no stubs for it
async def _deliver(job: str) -> None:
    for receive in _receivers:
        await receive(UUID(job))


class Procrastinate:
    """The engine of an installation: nothing to run beside Postgres, many hosts on one database."""

    def deliver(self, job_id: UUID, at: datetime | None = None, priority: int = 0) -> None:
        """Insert the id in the caller's transaction; the queueing lock lets it be there once."""
        options = {"queueing_lock": str(job_id), "priority": priority, "schedule_at": at}
        try:
            with transaction.atomic():
                _deliver.configure(**options).defer(job=str(job_id))
        except AlreadyEnqueued:
            return
        except ConnectorException as error:  # the database's, in the queue's clothes
            raise OperationalError(str(error)) from error

    async def serve(self, receive: Receiver, name: str, capacity: int) -> None:
        """Run procrastinate's worker, and start it again where it gives up."""
        _receivers.append(receive)
        try:
            while True:
                try:
                    await _serve_once(name, capacity)
                except Exception:  # the loop's edge: the queue comes back, the worker stays
                    logger.exception("queue lost, trying again", extra={"action": "dispatch"})
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            _receivers.remove(receive)

    def forget_dead_deliveries(self) -> int:
        """Delete what workers that are silent for a minute held; the sweep has long been by."""
        with connection.cursor() as cursor:
            cursor.execute(
                "select * from procrastinate_prune_stalled_workers_v1(%s)", [DEAD_SECONDS]
            )
            cursor.execute(
                "delete from procrastinate_jobs where status = 'doing' and worker_id is null"
            )
            return int(cursor.rowcount)


async def _serve_once(name: str, capacity: int) -> None:
    worker_app = app.with_connector(app.connector.get_worker_connector())
    async with worker_app.open_async():
        await worker_app.run_worker_async(
            queues=[QUEUE],
            name=name,
            concurrency=capacity,
            fetch_job_polling_interval=1.0,
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=1.0,
        )
