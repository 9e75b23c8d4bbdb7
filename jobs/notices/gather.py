"""The consumer of the feed that makes notices, in the transaction that moves its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from core import clock
from jobs.events import EventType, parse
from jobs.feed import FeedEvent
from jobs.feed.consumers import Consumer
from jobs.log.sql import fetch_rows
from jobs.models import Job, Notice, Subscription
from jobs.notices import outbox
from jobs.notices.audience import Audience, audience_of

WORDS: dict[str, tuple[str, ...]] = {
    EventType.JOB_FAILED: ("failed",),
    EventType.JOB_SUCCEEDED: ("done", "recovered"),
    EventType.JOB_CANCELLED: ("done",),
    EventType.JOB_APPROVAL_REQUESTED: ("approval",),
}
# Of a larger fleet the first targets are looked at: which have recovered is for people to read.
MOST_TARGETS = 200

# On each target, the job of the kind that touched it last before this one, if a step failed there.
_RECOVERED = """
select target.name
from unnest(%(targets)s::text[]) with ordinality as target (name, place)
cross join lateral (
  select run.job_id from jobs_steprun run join jobs_job job on job.id = run.job_id
  where run.target = target.name and run.job_id < %(job)s and job.kind = %(kind)s
    and job.finished_at is not null
  order by run.job_id desc limit 1
) before
where exists (
  select from jobs_steprun step
  where step.job_id = before.job_id and step.target = target.name and step.status = 'failed'
)
order by target.place
"""

# A job without targets: the one of this kind and title before it.
_FAILED_BEFORE = """
select job.status = 'failed' from jobs_job job
where job.kind = %(kind)s and job.id < %(job)s and job.title = %(title)s
  and job.finished_at is not null
order by job.id desc limit 1
"""


def gather_notices(events: Sequence[FeedEvent]) -> None:
    """Keep a notice for each subscriber who wants to hear of an event and may see its job."""
    rows = Subscription.objects.filter(enabled=True).select_related("user")
    subscriptions = Subscribers(list(rows))
    jobs = Job.objects.in_bulk({event.job for event in events}) if subscriptions.all else {}
    found = [notice for event in events for notice in _notices_of(event, jobs, subscriptions)]
    if found:
        outbox.add_notices(found)


class Subscribers:
    """The subscriptions of a batch, each looked at once for what it may see."""

    def __init__(self, all_: Sequence[Subscription]) -> None:
        self.all = all_
        self._audience: Callable[[UUID], Audience] = cache(self._find_audience)
        self._by_id = {one.pk: one for one in all_}

    def who_hears(self, word: str, job: Job, at: datetime) -> list[Subscription]:
        """Return those who want to hear this of a job, wanted so before `at`, and may."""
        return [
            one
            for one in self.all
            if is_wanted(one, word, job)
            and one.created_at <= at
            and self._audience(one.pk).sees(job)
        ]

    def _find_audience(self, id_: UUID) -> Audience:
        return audience_of(self._by_id[id_])


CONSUMER = Consumer("notices", gather_notices, frozenset(WORDS), from_now=True)


def is_wanted(one: Subscription, word: str, job: Job) -> bool:
    """Return whether a subscription is for this word and this job, whoever may see it."""
    return (
        word in one.events
        and one.kind in ("", job.kind)
        and (not one.own or job.owner_id == one.user_id)
        and (not one.target or one.target in targets_of(job))
    )


def targets_of(job: Job) -> list[str]:
    """Return the targets of a job's plan."""
    groups = job.plan.get("groups") or ()
    return [str(name) for group in groups for name in group.get("targets") or ()]


def find_recovered(job: Job) -> list[str] | None:
    """Return the targets on which a succeeded job did what had failed there before.

    None if nothing had; [] for a job without targets that recovered.
    """
    values = {"kind": job.kind, "job": job.pk, "title": job.title}
    if targets := targets_of(job)[:MOST_TARGETS]:
        return [row[0] for row in fetch_rows(_RECOVERED, {**values, "targets": targets})] or None
    return [] if fetch_rows(_FAILED_BEFORE, values) == [(True,)] else None


def _notices_of(
    event: FeedEvent, jobs: dict[UUID, Job], subscriptions: Subscribers
) -> list[Notice]:
    job = jobs.get(event.job)
    if job is None:
        return []
    read, found = parse(event.text), list[Notice]()
    at = clock.parse(read.at)
    if at < clock.now() - outbox.EXPIRES:
        return []
    for word in WORDS[read.type]:
        hearing = subscriptions.who_hears(word, job, at)
        targets = find_recovered(job) if hearing and word == "recovered" else []
        if targets is None:
            continue
        found += [
            Notice(subscription=one, job=job, seq=event.seq, event=word, at=at, targets=targets)
            for one in hearing
            if word != "recovered" or not one.target or one.target in targets
        ]
    return found
