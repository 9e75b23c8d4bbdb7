"""Notices that wait, and the messages that they are put into: each in one, however often tried.

Whoever sends a message has claimed it: the subscription is due again only when the claim is over,
so that a message whose sender died is tried again, with the same notices and the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock
from jobs.models import Digest, Notice, Subscription
from jobs.notices.quiet import after_quiet, next_due

logger = logging.getLogger(__name__)

MAIL = "mail"
UNSENT = Q(digest=None) | Q(digest__sent_at=None)
LEASE = timedelta(minutes=2)
BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 5, 300
MOST_IN_ONE = 1000
EXPIRES = timedelta(days=7)
"""What could not be told for so long, or happened so long ago, is not told any more."""
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process, and no other, is to send now; `tries` counts this one."""

    subscription: Subscription
    digest: Digest
    notices: Sequence[Notice]

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier try may have reached the receiver."""
        return self.digest.tries > 1


def add_notices(notices: Sequence[Notice]) -> None:
    """Keep notices, those that are kept already aside, and plan when they are told."""
    with transaction.atomic():
        Notice.objects.bulk_create(notices, batch_size=1000, ignore_conflicts=True)
        plan_messages({one.subscription_id for one in notices})


def plan_messages(subscriptions: Collection[UUID]) -> None:
    """Have these subscribers told of what waits for them, no sooner than they want."""
    now = clock.now()
    # Locked in one order, and also where it is planned already: whoever claims has to wait for us.
    rows = Subscription.objects.select_for_update(no_key=True).filter(pk__in=subscriptions)
    for one in rows.order_by("pk"):
        if one.due_at is None:
            Subscription.objects.filter(pk=one.pk).update(due_at=next_due(one, now))


def claim_message(*, mail: bool) -> Claimed | None:
    """Claim a message that is due, by mail or by another channel; None if there is none."""
    while True:
        with transaction.atomic():
            one = _lock_due(mail)
            if one is None:
                return None
            if (claimed := _claim_of(one)) is not None:
                return claimed


def mark_sent(claimed: Claimed) -> None:
    """Note that a message was sent, or had nothing in it that may be told."""
    now = clock.now()
    with transaction.atomic():
        for one in _locked(claimed):
            Digest.objects.filter(pk=claimed.digest.pk).update(sent_at=now)
            one.sent_at = now
            due = next_due(one, now) if _waiting(one).exists() else None
            _update(one, sent_at=now, failures=0, error="", due_at=due)


def mark_failed(claimed: Claimed, why: str, *, surely: bool) -> None:
    """Note why a message was not sent. Where that is sure, its notices wait for the next one.

    Else it is tried again as it is: the receiver may have it.
    """
    seconds = BACKOFF_SECONDS * 2 ** min(claimed.subscription.failures, 10)
    due = clock.now() + timedelta(seconds=min(seconds, LONGEST_BACKOFF_SECONDS))
    with transaction.atomic():
        for one in _locked(claimed):
            if surely and not claimed.is_repeated:
                Notice.objects.filter(digest=claimed.digest).update(digest=None)
                claimed.digest.delete()
            _update(one, failures=one.failures + 1, error=why[:500], due_at=due)


def forget_old() -> None:
    """Delete messages that were sent long ago, and what could not be told for a week."""
    now = clock.now()
    Digest.objects.filter(sent_at__lt=now - KEPT).delete()
    expired, _ = Notice.objects.filter(UNSENT, at__lt=now - EXPIRES).delete()
    if expired:
        where = {"action": "notices"}
        logger.warning("%d notices expired before they could be sent", expired, extra=where)


def _lock_due(mail: bool) -> Subscription | None:
    """Lock the subscription whose turn it is: those that fail come last."""
    due = Subscription.objects.filter(enabled=True, due_at__lte=clock.now())
    of_channel = due.filter(channel=MAIL) if mail else due.exclude(channel=MAIL)
    return (
        of_channel.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("user", "team")
        .order_by("failures", "due_at")
        .first()
    )


def _claim_of(one: Subscription) -> Claimed | None:
    """Return what a locked subscription's next message is; None, and when it is due, if not now."""
    now = clock.now()
    if (later := after_quiet(one, now)) > now:
        _update(one, due_at=later)
        return None
    digest = one.digests.filter(sent_at=None).order_by("made_at").first() or _new_digest(one)
    if digest is None:
        _update(one, due_at=None)
        return None
    digest.tries += 1
    digest.save(update_fields=["tries"])
    _update(one, due_at=now + LEASE)
    notices = digest.notices.select_related("job", "job__team").order_by("pk")
    return Claimed(one, digest, list(notices))


def _new_digest(one: Subscription) -> Digest | None:
    wanted = list(_waiting(one).order_by("pk").values_list("pk", flat=True)[:MOST_IN_ONE])
    if not wanted:
        return None
    digest = Digest.objects.create(subscription=one)
    Notice.objects.filter(pk__in=wanted).update(digest=digest)
    return digest


def _waiting(one: Subscription) -> QuerySet[Notice]:
    return Notice.objects.filter(subscription=one, digest=None)


def _locked(claimed: Claimed) -> Iterable[Subscription]:
    """Return the subscription, locked, unless somebody has removed it meanwhile."""
    rows = Subscription.objects.select_for_update(no_key=True)
    return rows.filter(pk=claimed.subscription.pk)


def _update(one: Subscription, **values: datetime | int | str | None) -> None:
    """Write what no signal tells of: how a subscription stands is no change of it."""
    Subscription.objects.filter(pk=one.pk).update(**values)
