"""Taking delivered jobs for a worker: those that come in while it is busy share a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from uuid import UUID

from django.db import Error

from core.db import in_thread
from jobs.queue import leases
from jobs.queue.dispatch import wake_jobs
from jobs.queue.leases import Lease

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 64
# After a round, so that under load the next one takes several jobs; an idle worker takes at once.
REST_SECONDS = 0.01


class Fetcher:
    """Takes jobs for one worker; on one event loop. What had better run alone goes to `apart`."""

    def __init__(self, worker: str, apart: Callable[[UUID], None] | None = None) -> None:
        self._worker, self._apart = worker, apart
        self._wanted: deque[tuple[UUID, asyncio.Future[Lease | None]]] = deque()
        self._busy: asyncio.Task[None] | None = None

    async def take(self, job_id: UUID) -> Lease | None:
        """Take a job; None if it cannot be had now, or the database is not there."""
        answer: asyncio.Future[Lease | None] = asyncio.get_running_loop().create_future()
        self._wanted.append((job_id, answer))
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._serve_batches(), name="taker")
        return await answer

    async def _serve_batches(self) -> None:
        while self._wanted:
            size = min(len(self._wanted), MOST_AT_ONCE)
            batch = [self._wanted.popleft() for _ in range(size)]
            taken = await self._take_batch([job_id for job_id, _ in batch])
            for job_id, answer in batch:
                if not answer.done():
                    answer.set_result(taken.pop(job_id, None))  # a job delivered twice runs once
            for left in taken.values():  # the caller has gone
                await in_thread(give_back, left)
            await asyncio.sleep(REST_SECONDS)

    async def _take_batch(self, job_ids: list[UUID]) -> dict[UUID, Lease]:
        try:
            if self._apart is None:
                return await in_thread(leases.take_many, job_ids, self._worker)
            suspects = set[UUID]()
            taken = await in_thread(leases.take_many, job_ids, self._worker, suspects)
        except Exception as error:  # noqa: BLE001 - the loop's edge: whoever waits must be answered
            if len(job_ids) == 1:
                where = {"action": "take", "job": job_ids[0]}
                logger.warning("job %s not taken: %s", *job_ids, error, extra=where)
                return {}
        else:
            for job_id in suspects:
                self._apart(job_id)
            return taken
        each = [await self._take_batch([job_id]) for job_id in job_ids]
        return {job_id: lease for taken in each for job_id, lease in taken.items()}


def give_back(lease: Lease) -> None:
    """Have another worker take the job at once."""
    try:
        leases.release_lease(lease.job, lease.fence)
        wake_jobs([lease.job])
    except Error as error:  # the lease ends by itself, and the sweep delivers the job
        where = {"action": "take", "job": lease.job}
        logger.warning("job %s not given back: %s", lease.job, error, extra=where)
