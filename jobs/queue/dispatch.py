"""The queue: delivers a job id to a worker, at least once, sooner or later, and nothing else.

Delivering twice, late, or to a worker that dies is harmless, because the job row decides who runs
a job and when (`jobs.queue.leases`: fence, lease, due moment, limits, targets), and the sweep
delivers again what has no live lease. So the port (`jobs.queue.port.Engine`) is three functions;
the setting REPRISE_DISPATCH names the engine behind it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from jobs.models import Job
from jobs.queue.port import Engine

# Where the engines were before; settings that say so still work.
OLD_PACKAGE, PACKAGE = "jobs.dispatch.", "jobs.queue."


@cache
def _make_engine(path: str) -> Engine:
    if path.startswith(OLD_PACKAGE):
        path = PACKAGE + path.removeprefix(OLD_PACKAGE)
    made: Engine = import_string(path)()
    return made


def current_engine() -> Engine:
    """Return this process's engine: one object for each class that the setting has named."""
    return _make_engine(settings.REPRISE.dispatch)


def deliver_job(job_id: UUID, at: datetime | None = None, priority: int = 0) -> None:
    """Queue a job's id, with the caller's transaction: see `Engine.deliver`."""
    current_engine().deliver(job_id, at, priority)


def wake_jobs(job_ids: Collection[UUID]) -> None:
    """Deliver jobs that may now get what they waited for, those of a higher priority first."""
    found = Job.objects.filter(pk__in=job_ids).order_by("-priority", "pk")
    for job_id, priority in found.values_list("pk", "priority"):
        deliver_job(job_id, priority=priority)
