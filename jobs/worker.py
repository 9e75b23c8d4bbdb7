"""The worker: takes delivered jobs, runs their handlers under a lease, records how they end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from core.errors import InvalidParams, RepriseError
from jobs import claims, commands, dispatch, leases, log
from jobs.db import in_thread
from jobs.events import EventType, NewEvent, parse
from jobs.job import State, fold_all
from jobs.kinds import registry
from jobs.leases import Lease
from jobs.run import Cancelled, HandedOver, JobFailed, Run, StepFailed, call_handler
from jobs.writer import Writer

logger = logging.getLogger(__name__)

BEATS_PER_LEASE = 5
HAND_OVER_SECONDS = 5.0


@dataclass(slots=True)
class _Active:
    """A run in this worker: its task, its lease, when the lease was last known to hold."""

    lease: Lease
    run: Run
    task: asyncio.Task[None]
    held_at: float = field(default_factory=time.monotonic)
    forced_at: float | None = None


class Worker:
    """One worker process: up to `capacity` runs at a time."""

    def __init__(self, capacity: int | None = None) -> None:
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self.capacity = capacity or settings.REPRISE.worker_runs
        self._writer = Writer()
        self._active: dict[UUID, _Active] = {}
        self._room = asyncio.Semaphore(self.capacity)
        self._stopping = False

    async def serve(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop`; then hand over what runs and return."""
        queue = asyncio.create_task(dispatch.serve(self.receive, self.name, self.capacity))
        beats = asyncio.create_task(self._beat_for_ever())
        try:
            await stop.wait()
        finally:
            self._stopping = True
            queue.cancel()
            await asyncio.gather(queue, return_exceptions=True)
            await self._hand_over()
            beats.cancel()
            self._writer.stop()

    async def receive(self, job_id: UUID) -> None:
        """Take a delivered job, if it is to be had, and start its run; waits while full."""
        await self._room.acquire()
        taken = None
        try:
            if not self._stopping:
                taken = await in_thread(leases.take, job_id, self.name)
        except (RepriseError, DatabaseError) as error:
            logger.warning("job %s not taken: %s", job_id, error, extra={"action": "take"})
        if taken is None:
            self._room.release()
            return
        await self._start(taken)

    async def _start(self, lease: Lease) -> None:
        try:
            state = await in_thread(_fold, lease.job)
        except (RepriseError, DatabaseError):
            self._room.release()
            logger.exception("job %s not folded", lease.job)
            return
        actor = f"worker:{self.name}"
        run = Run(state, lease.job, lease.fence, actor, self._writer)
        task = asyncio.create_task(self._run(lease, run), name=f"job {lease.job}")
        self._active[lease.job] = _Active(lease, run, task)

    async def _run(self, lease: Lease, run: Run) -> None:
        logger.info("job %s attempt %d", lease.job, lease.attempt, extra={"action": "run"})
        try:
            ending = await self._ending(lease, run)
            await run.append([ending])
            waiting = await in_thread(claims.release, lease.job)
            await in_thread(commands.wake, waiting)
        except (HandedOver, asyncio.CancelledError):
            await in_thread(_give_back, lease)
        except log.LeaseLost:
            logger.warning("job %s: lease lost", lease.job, extra={"action": "run"})
        except (RepriseError, DatabaseError):  # the sweep delivers the job again
            logger.exception("job %s could not be ended", lease.job, extra={"action": "run"})
        finally:
            self._active.pop(lease.job, None)
            self._room.release()

    async def _ending(self, lease: Lease, run: Run) -> NewEvent:
        """Run the handler and return the event that ends the job."""
        try:
            if run.attempt == 1:  # a later attempt may have to put back what an earlier one began
                run.checkpoint()
            kind = registry.get(lease.kind)
            params = kind.Params.model_validate(lease.params)
            result = await call_handler(kind.run, run, params)
        except Cancelled as stop:
            return _stopped(str(stop))
        except JobFailed as failure:
            return _failed(failure.message, failed_targets=failure.failed_targets)
        except StepFailed as failure:
            targets = [failure.target] if failure.target else []
            return _failed(f"{failure}.", failed_targets=targets)
        except InvalidParams as error:
            return _failed(error.message)
        except (HandedOver, log.LeaseLost):
            raise
        except asyncio.CancelledError:
            if run.cancelling and not run.handing_over:
                return _stopped()
            raise
        except Exception as error:
            logger.exception("job %s failed in its handler", lease.job, extra={"action": "run"})
            return _failed(f"The handler broke: {type(error).__name__}: {error}")
        data = {"message": "Done."} if result is None else {"message": "Done.", "result": result}
        if isinstance(result, dict) and "message" in result:
            data["message"] = str(result["message"])
        return NewEvent(EventType.JOB_SUCCEEDED, data)

    async def _beat_for_ever(self) -> None:
        every = settings.REPRISE.lease_seconds / BEATS_PER_LEASE
        while True:
            began = time.monotonic()
            try:
                await asyncio.wait_for(self._beat(), every * 2)
            except (DatabaseError, TimeoutError) as error:
                logger.warning("heartbeat failed: %s", error, extra={"action": "beat"})
            self._stop_expired()
            await asyncio.sleep(max(0.0, min(every, 1.0) - (time.monotonic() - began)))

    async def _beat(self) -> None:
        asked = {job: active.lease.fence for job, active in self._active.items()}
        now = time.monotonic()
        held = await in_thread(leases.beat, asked)
        for job in asked:
            if (active := self._active.get(job)) is None:
                continue
            if job in held:
                active.held_at = now
                self._steer(active, held[job])

    def _steer(self, active: _Active, status: str) -> None:
        """Pass on what people asked for; end a step that does not heed it within the grace."""
        if status != "cancelling":
            return
        active.run.cancelling = True
        now = time.monotonic()
        if active.forced_at is None:
            active.forced_at = now + settings.REPRISE.cancel_grace_seconds
        elif now > active.forced_at:
            active.forced_at = float("inf")
            active.task.cancel()

    def _stop_expired(self) -> None:
        """End runs whose lease is about to end unrenewed, a margin before somebody takes them."""
        lease = settings.REPRISE.lease_seconds
        for active in list(self._active.values()):
            if time.monotonic() - active.held_at > lease * 0.7:
                logger.warning("job %s: lease not renewed, stopping", active.lease.job)
                active.run.handing_over = True
                active.task.cancel()

    async def _hand_over(self) -> None:
        """Let runs stop between steps for a while, then end the steps that still run."""
        active = list(self._active.values())
        for each in active:
            each.run.handing_over = True
        tasks = [each.task for each in active]
        if tasks:
            _done, running = await asyncio.wait(tasks, timeout=HAND_OVER_SECONDS)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _fold(job_id: UUID) -> State:
    state = State()
    for page in log.history(job_id):
        state = fold_all(state, map(parse, page.texts))
    return state


def _give_back(lease: Lease) -> None:
    try:
        leases.release(lease.job, lease.fence)
        dispatch.deliver(lease.job)
    except DatabaseError as error:  # the lease ends by itself, and the sweep delivers the job
        logger.warning("job %s not given back: %s", lease.job, error)


def _failed(message: str, **extra: Any) -> NewEvent:
    return NewEvent(EventType.JOB_FAILED, {"message": message[:4000], **extra})


def _stopped(message: str = "") -> NewEvent:
    return NewEvent(EventType.JOB_CANCELLED, {"message": message[:4000] or "Stopped on request."})
