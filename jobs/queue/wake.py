"""Wake jobs: deliver those that may now get what they waited for."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from jobs.models import Job
from jobs.queue import dispatch


def wake_jobs(job_ids: Collection[UUID]) -> None:
    """Deliver jobs, those of a higher priority first."""
    found = Job.objects.filter(pk__in=job_ids).order_by("-priority", "pk")
    for job_id, priority in found.values_list("pk", "priority"):
        dispatch.deliver_job(job_id, priority=priority)
