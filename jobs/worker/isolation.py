"""Suspects: jobs whose attempts end their worker run in a worker process of their own.

What they do to that process then, no other run dies of. It is an ordinary worker for one job: it
takes the job, renews its own lease, and hands the run over when this process asks, or is gone.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from uuid import UUID

from core.command_line import command_words

logger = logging.getLogger(__name__)

MOST = 4  # at a time beside a worker: each is a process of the size of the worker


class IsolatedWorkers:
    """The suspects that run beside a worker, each in its own process."""

    def __init__(self) -> None:
        self._running: dict[UUID, asyncio.Task[None]] = {}

    def start(self, job_id: UUID) -> None:
        """Run a job apart, unless it does already; where there is no room the sweep comes back."""
        if job_id not in self._running and len(self._running) < MOST:
            task = asyncio.create_task(_run_worker(job_id), name=f"apart {job_id}")
            self._running[job_id] = task
            task.add_done_callback(lambda _: self._running.pop(job_id))

    async def stop(self) -> None:
        """Have all hand over what they run, and wait until they have."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _run_worker(job_id: UUID) -> None:
    where = {"action": "apart", "job": job_id}
    words = [*command_words(), "worker", "--job", str(job_id)]
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE)
    except OSError as error:
        logger.warning("job %s cannot run apart: %s", job_id, error, extra=where)
        return
    logger.info("job %s runs apart, as %d", job_id, process.pid, extra=where)
    try:
        await process.wait()
    except asyncio.CancelledError:
        if process.stdin is not None:
            process.stdin.close()  # it hands over, as it would if we were gone
        await process.wait()
        raise
    if code := process.returncode:
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        logger.warning("job %s ended its worker: %s", job_id, how, extra=where)
