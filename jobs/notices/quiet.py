"""When a subscriber is told: not in quiet hours, and not too often."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from jobs.models import Subscription
from jobs.schedules.cron import zone_of

# So long notices gather before the first message of a storm.
GATHER = timedelta(seconds=5)


def next_due(one: Subscription, now: datetime) -> datetime:
    """Return when what waits for a subscriber from now on is to be told."""
    due = now + GATHER
    if one.sent_at is not None:
        due = max(due, one.sent_at + timedelta(minutes=one.digest_minutes))
    return after_quiet(one, due)


def after_quiet(one: Subscription, moment: datetime) -> datetime:
    """Return the moment, or the end of the subscriber's quiet hours if it is within them."""
    start, end = one.quiet_from, one.quiet_until
    if start is None or end is None:
        return moment
    return quiet_end(moment, start, end, zone_of(one.timezone))


def quiet_end(moment: datetime, start: time, end: time, zone: tzinfo) -> datetime:
    """Return the end of the quiet hours that a moment is within, else the moment.

    `start` and `end` are of a clock in the zone; hours that begin and end at once are none, and
    those that end before they begin last over midnight.
    """
    local = moment.astimezone(zone)
    wall = local.time()
    over_midnight = end < start
    inside = (wall >= start or wall < end) if over_midnight else start <= wall < end
    if not inside:
        return moment
    day = local.date() + timedelta(days=1 if over_midnight and wall >= start else 0)
    # Of an hour that comes twice, the end is in the one that is now.
    fold = local.fold if day == local.date() else 0
    return max(
        moment, datetime.combine(day, end, zone).replace(fold=fold).astimezone(moment.tzinfo)
    )
