"""A worker's presence: it says which kinds it knows, and takes the jobs that waited for one.

Another worker has left these because it does not know their kind, or could not go on with their
runs. The queue would deliver them to any worker, and so to fifty that cannot help before this one;
so this one looks for itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from core.db import in_thread
from jobs.kinds import registry
from jobs.queue import live_workers
from jobs.queue.port import Receiver

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
GRACE_SECONDS = 2.0  # at the end: a database that hangs must not hold up the runs' hand-over


class Presence:
    """That of one worker. `receive` takes a job, and waits while the worker is full."""

    def __init__(self, worker: str, receive: Receiver, capacity: int) -> None:
        self._worker, self._receive, self._capacity = worker, receive, capacity
        self._over = asyncio.Event()

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Be in the table of workers, and take the jobs that waited for this one."""
        kinds = registry.kind_versions()
        renewing = asyncio.create_task(self._renew_row(kinds), name="presence")
        looking = asyncio.create_task(self._look_for_jobs(kinds), name="waiting kinds")
        try:
            yield
        finally:
            looking.cancel()
            self._over.set()
            await asyncio.wait({renewing, looking}, timeout=GRACE_SECONDS)
            renewing.cancel()

    async def _renew_row(self, kinds: Mapping[str, str]) -> None:
        """Renew the row until the end; then remove it, which no late renewal undoes."""
        while not self._over.is_set():
            await _try_work(lambda: in_thread(live_workers.renew_worker, self._worker, kinds))
            try:
                await asyncio.wait_for(self._over.wait(), BEAT_SECONDS)
            except TimeoutError:
                continue
        await _try_work(lambda: in_thread(live_workers.remove_worker, self._worker))

    async def _look_for_jobs(self, kinds: Mapping[str, str]) -> None:
        while True:
            await _try_work(lambda: self._take_waiting(kinds))
            await asyncio.sleep(BEAT_SECONDS)

    async def _take_waiting(self, kinds: Mapping[str, str]) -> None:
        """Take what waits, as room comes; end where a look finds nothing new."""
        found, before = await self._waiting_jobs(kinds), set[UUID]()
        while found and found != before:
            await asyncio.gather(*map(self._receive, found))
            found, before = await self._waiting_jobs(kinds), found

    async def _waiting_jobs(self, kinds: Mapping[str, str]) -> set[UUID]:
        return set(await in_thread(live_workers.waiting_jobs, kinds, self._capacity))


async def _try_work(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception as error:  # noqa: BLE001 - the loop's edge: the next beat tries again
        logger.warning("presence: %s", error, extra={"action": "presence"})
