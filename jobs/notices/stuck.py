"""Jobs that run and say nothing: told once for each silence."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from core import clock
from jobs.models import Job, Notice, Subscription
from jobs.notices import outbox
from jobs.notices.gather import Subscribers

RUNNING = ("running", "cancelling")
MOST_AT_ONCE = 1000


def find_stuck() -> None:
    """Keep notices of running jobs whose last event is older than REPRISE_STUCK_MINUTES.

    The event's seq is in the notice, which there is once: a job that goes on and stops again is
    told again.
    """
    wanting = Subscription.objects.filter(enabled=True, events__contains=["stuck"])
    subscriptions = Subscribers(list(wanting.select_related("user")))
    if not subscriptions.all:
        return
    now = clock.now()
    silent = Job.objects.filter(
        status__in=RUNNING, last_at__lt=now - timedelta(minutes=settings.REPRISE.stuck_minutes)
    )
    found = [
        Notice(subscription=one, job=job, seq=job.head, event="stuck", at=now)
        for job in silent.order_by("-pk")[:MOST_AT_ONCE]
        for one in subscriptions.who_hears("stuck", job, now)
    ]
    known = set(
        Notice.objects.filter(event="stuck", job__in={one.job_id for one in found}).values_list(
            "subscription", "job", "seq"
        )
    )
    fresh = [one for one in found if (one.subscription_id, one.job_id, one.seq) not in known]
    if fresh:
        outbox.add_notices(fresh)
