"""The worker: takes delivered jobs, runs their handlers under a lease, records how they end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import Error, transaction

from core.db import in_thread
from core.errors import RepriseError
from core.log_context import add_fields
from jobs import log
from jobs.events import NewEvent
from jobs.events.fold import StepKey, StepState
from jobs.integrity.prefix import find_fault
from jobs.log import hints
from jobs.log.state import state_at
from jobs.log.writer import Writer
from jobs.queue import claims, dispatch, leases, limits
from jobs.queue.dispatch import wake_jobs
from jobs.queue.leases import Lease
from jobs.run import HandedOver, Parked, Run, parking_events
from jobs.run.outcome import append_ending, failed_event
from jobs.secrets import field, store
from jobs.worker.fetcher import Fetcher, give_back
from jobs.worker.heartbeat import BEATS_PER_LEASE, Heartbeat
from jobs.worker.isolation import IsolatedWorkers
from jobs.worker.lending import open_credentials
from jobs.worker.outcome import ending_of
from jobs.worker.presence import Presence
from jobs.worker.traces import attempt_span

logger = logging.getLogger(__name__)

# What an attempt came to, beside the job's end: `succeeded`, `failed`, `cancelled`.
PARKED, HANDED_OVER, LEFT, LOST, BROKEN = "parked", "handed_over", "left", "lost", "broken"
OUTCOMES = ("succeeded", "failed", "cancelled", PARKED, HANDED_OVER, LEFT, LOST, BROKEN)

HAND_OVER_SECONDS = 5.0
HINTS_SECONDS = 1.0


@dataclass(slots=True)
class _Active:
    """A run in this worker: its lease, when that was last known to hold, its task."""

    lease: Lease
    run: Run
    held_at: float
    task: asyncio.Task[None]
    forced_at: float | None = None


class Worker:
    """One worker process: up to `capacity` runs at a time. With `apart`, suspects run beside it."""

    def __init__(self, capacity: int | None = None, apart: IsolatedWorkers | None = None) -> None:
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self.capacity = capacity or settings.REPRISE.worker_runs
        self._apart = apart
        self._taker = Fetcher(self.name, apart.start if apart else None)
        self._writer = Writer()
        self._active: dict[UUID, _Active] = {}
        self._held: dict[UUID, int] = {}  # their fences; the heartbeat's thread copies it
        self._room = asyncio.Semaphore(self.capacity)
        self._stopping = False
        self._beats: Heartbeat | None = None
        self.outcomes = dict.fromkeys(OUTCOMES, 0)

    @property
    def is_leaving(self) -> bool:
        """Whether it takes no more jobs, and hands over those that it runs."""
        return self._stopping

    @property
    def running(self) -> int:
        """How many jobs it runs now."""
        return len(self._active)

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What renews its leases; None before it serves."""
        return self._beats

    async def serve(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop`; then hand over what runs and return."""
        presence = Presence(self.name, self.receive, self.capacity)
        async with self._serving(), presence.shown():
            queue = asyncio.create_task(
                dispatch.current_engine().serve(self.receive, self.name, self.capacity)
            )
            try:
                await stop.wait()
            finally:
                self._stopping = True
                queue.cancel()
                await asyncio.gather(queue, return_exceptions=True)

    async def serve_one(self, job_id: UUID, stop: asyncio.Event) -> None:
        """Run one job, if it is to be had, until it leaves this worker, or until `stop`."""
        async with self._serving():
            await self.receive(job_id)
            for active in list(self._active.values()):  # one, or none
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait({stopping, active.task}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """Be ready to run jobs; in the end hand over what still runs."""
        beats = self._beats = Heartbeat(self._held.copy, self._leases_renewed)
        watching = asyncio.create_task(self._watch_leases())
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(self._hand_over(), *([self._apart.stop()] if self._apart else []))
            beats.stop()
            watching.cancel()
            self._writer.stop()
            await asyncio.to_thread(hints.hint_publisher().flush, HINTS_SECONDS)

    async def receive(self, job_id: UUID) -> None:
        """Take a delivered job, if it is to be had, and start its run; waits while full."""
        await self._room.acquire()
        started = False
        try:
            held_at = time.monotonic()
            taken = None if self._stopping else await self._taker.take(job_id)
            if taken is not None:
                self._start_run(taken, held_at)
                started = True
        finally:
            if not started:
                self._room.release()

    def _start_run(self, lease: Lease, held_at: float) -> None:
        actor = f"worker:{self.name}"
        run = Run(lease.job, lease.fence, lease.attempt, actor, self._writer, lease.kind)
        run.open_wanted = partial(open_credentials, lease.job)
        self._writer.note_row(lease.opened, lease.fence)
        task = asyncio.create_task(self._execute_run(lease, run), name=f"job {lease.job}")
        self._active[lease.job] = _Active(lease, run, held_at, task)
        self._held[lease.job] = lease.fence

    async def _execute_run(self, lease: Lease, run: Run) -> None:
        where = {"action": "run", "job": lease.job}
        add_fields(job=str(lease.job), attempt=lease.attempt)
        logger.info("job %s attempt %d", lease.job, lease.attempt, extra=where)
        how = BROKEN
        try:
            how = await _run_attempt(lease, run)
        except Parked:
            how = PARKED
            await in_thread(_park_run, run, lease.kind)
        except (HandedOver, asyncio.CancelledError):
            how = HANDED_OVER
            await in_thread(give_back, lease)
        except log.LeaseLost:
            how = LOST
            logger.warning("job %s: lease lost", lease.job, extra=where)
        except Exception:  # the sweep delivers the job again, or releases its claims
            logger.exception("job %s could not be ended", lease.job, extra=where)
        finally:
            self.outcomes[how] += 1
            if self._active[lease.job].lease is lease:  # else it is here again already
                del self._active[lease.job], self._held[lease.job]
            self._room.release()
            run.vault.lock()

    async def _watch_leases(self) -> None:
        """End runs whose lease is about to end unrenewed, a margin before somebody takes them."""
        while True:
            await asyncio.sleep(min(settings.REPRISE.lease_seconds / BEATS_PER_LEASE, 1.0))
            self._stop_expired()

    def _leases_renewed(self, known_at: float, held: Mapping[UUID, str]) -> None:
        """Take in how the jobs stand whose leases have been renewed."""
        for job, status in held.items():
            if active := self._active.get(job):
                active.held_at = max(active.held_at, known_at)
                self._apply_status(active, status)

    def _apply_status(self, active: _Active, status: str) -> None:
        """Pass on what people asked for; end a step that does not heed it within the grace."""
        active.run.set_requests(cancelling=status == "cancelling", pausing=status == "paused")
        if status != "cancelling":
            return
        now = time.monotonic()
        if active.forced_at is None:
            active.forced_at = now + settings.REPRISE.cancel_grace_seconds
        elif now > active.forced_at:
            active.forced_at = float("inf")
            active.task.cancel()

    def _stop_expired(self) -> None:
        lease = settings.REPRISE.lease_seconds
        for active in list(self._active.values()):
            if time.monotonic() - active.held_at > lease * 0.7:
                where = {"action": "run", "job": active.lease.job}
                logger.warning("job %s: lease not renewed, stopping", active.lease.job, extra=where)
                active.run.hand_over()
                active.task.cancel()

    async def _hand_over(self) -> None:
        """Let runs stop between steps for a while, then end the steps that still run."""
        active = list(self._active.values())
        for each in active:
            each.run.hand_over()
        tasks = [each.task for each in active]
        if tasks:
            _done, running = await asyncio.wait(tasks, timeout=HAND_OVER_SECONDS)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _run_attempt(lease: Lease, run: Run) -> str:
    """Run a job from where it stands; return what the attempt came to."""
    steps, printed = ({}, 0) if lease.fresh else await in_thread(_read_record, lease.job)
    run.load_steps(steps, lease.status, lease.at, printed)
    if field.has_reference(lease.params):
        run.vault.stored = await in_thread(store.load_secrets, lease.job)
    async with attempt_span(lease) as span:
        unsound = await _find_unsound_start(lease, run)
        ending = unsound or await ending_of(lease, run)
        if run.cannot_continue:
            await in_thread(_leave_run, run, lease)
            how = LEFT
        else:
            how = (await append_ending(run, ending)).removeprefix("job.")
        span.note(outcome=how)
    if lease.holds and how != LEFT:
        await in_thread(_release_claims, lease)
    return how


def _read_record(job: UUID) -> tuple[Mapping[StepKey, StepState], int]:
    """Return the steps that earlier attempts recorded, and how much these printed."""
    counts = settings.REPRISE.job_output_characters > 0
    return state_at(job).steps, log.printed_characters(job) if counts else 0


async def _find_unsound_start(lease: Lease, run: Run) -> NewEvent | None:
    """Return the end of a fork that has not begun, if what it goes on from is not as it was."""
    if lease.forked_from is None or run.first_step is not None:
        return None
    fault = await in_thread(find_fault, lease.job, lease.forked_from)
    return failed_event(fault) if fault else None


def _release_claims(lease: Lease) -> None:
    """Give up an ended job's targets and its place, and wake who waits for them."""
    with transaction.atomic():
        wake_jobs(claims.release_targets(lease.job))
    limits.wake_next(lease.kind)


def _leave_run(run: Run, lease: Lease) -> None:
    """Leave a run that this worker's code cannot go on with to one whose code can."""
    said = {"action": "take", "kind": lease.kind, "job": run.job}
    logger.warning("job %s left: %s", run.job, run.diverged, extra=said)
    _let_go(run, lease.kind, [leases.wait_for_version(lease, str(run.diverged))])


def _park_run(run: Run, kind: str) -> None:
    """Let go of a run that waits or is paused."""
    _let_go(run, kind, parking_events(run.waits))


def _let_go(run: Run, kind: str, events: list[NewEvent]) -> None:
    """Give a run's lease back as `events` say; deliver it at once where that has passed already."""
    try:
        with transaction.atomic():
            status = leases.park_job(run.job, run.fence, run.actor, run.vault.masked(events))
            if status not in {"waiting", "paused"}:
                wake_jobs([run.job])
        limits.wake_next(kind)
    except (RepriseError, Error) as error:  # the lease ends by itself; the sweep delivers the job
        where = {"action": "park", "job": run.job}
        logger.warning("job %s not parked: %s", run.job, error, extra=where)
