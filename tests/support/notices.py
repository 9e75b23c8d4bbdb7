"""Subscriptions, and what the sweeper does about them, without its threads and its waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from core import clock
from jobs import feed
from jobs.events import EventType, NewEvent
from jobs.feed import consumers
from jobs.models import Job, Subscription, Team
from jobs.notices import gather, send
from jobs.system_log import unrecorded
from tests.support.factories import ATTEMPT, make_job


@unrecorded()
def subscribe(user: User, *events: str, **fields: Any) -> Subscription:
    """Return a new subscription of a person by mail, who gets an address if they have none."""
    if not user.email:
        user.email = f"{user.get_username()}@example.org"
        user.save()
    wanted: dict[str, Any] = {"name": "mine", "channel": "mail", "events": list(events)}
    return Subscription.objects.create(user=user, **(wanted | fields))


def ended_job(
    owner: User | None = None,
    ending: EventType = EventType.JOB_FAILED,
    *,
    targets: tuple[str, ...] = (),
    team: Team | None = None,
    steps: tuple[NewEvent, ...] = (),
    **fields: Any,
) -> Job:
    """Return a job that has ended, with its targets in the plan."""
    groups = [{"name": "all", "targets": list(targets)}]
    plan = {"steps": [], "groups": groups if targets else [], "words": ""}
    asked = [NewEvent(EventType.JOB_CANCEL_REQUESTED, {"reason": ""})]
    stop = asked if ending == EventType.JOB_CANCELLED else []
    events = [ATTEMPT, *steps, *stop, NewEvent(ending, {"message": "the disk is full"})]
    return make_job(owner, events, team=team, plan=plan, **fields)


def hear() -> None:
    """Have the notices' consumer read all of the feed."""
    while feed.sequence_events():
        pass
    while consumers.run_once(gather.CONSUMER):
        pass


def deliver(*, waits: bool = False) -> None:
    """Send what is due; unless it `waits`, as if every wait were over."""
    if not waits:
        over = clock.now() - timedelta(seconds=1)
        Subscription.objects.exclude(due_at=None).update(due_at=over)
    send.send_mail()
    send.send_elsewhere()
