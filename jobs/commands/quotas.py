"""How many jobs somebody may submit in an hour."""

from __future__ import annotations

import math
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User

from core import clock
from core.errors import OverLimit
from core.ids import uuid7_floor
from jobs.models import Job

WINDOW = timedelta(hours=1)


def require_room(job: Job) -> None:
    """Raise OverLimit, saying for how long, if its owner has submitted too many within the hour.

    To be called in the transaction that stores the job: the owner's row is locked until its end, so
    that jobs that come at once do not pass each other. Jobs of schedules neither count nor wait.
    """
    most = settings.REPRISE.jobs_per_hour
    if not most or job.owner is None or job.submitted_by.startswith("schedule:"):
        return
    User.objects.select_for_update(no_key=True).get(pk=job.owner.pk)
    since = clock.now() - WINDOW
    recent = Job.objects.filter(owner=job.owner, pk__gte=uuid7_floor(since), submitted_at__gt=since)
    by_hand = recent.exclude(submitted_by__startswith="schedule:")
    moments = by_hand.order_by("-submitted_at").values_list("submitted_at", flat=True)
    if oldest := moments[most - 1 : most].first():
        wait = math.ceil((oldest - since).total_seconds())
        raise OverLimit(
            f"You have submitted {most:,} jobs within the hour, which is the most. Try again in"
            f" {max(1, round(wait / 60))} min.",
            retry_after_s=max(wait, 1),
        )
