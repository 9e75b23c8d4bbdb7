"""Schedules: jobs submitted by the clock, each moment once, whoever sweeps.

A schedule's row says when it runs next. Firing locks the row, submits the job under the key
`schedule:<id>:<moment>` and moves the row on, in one transaction; another sweeper skips the row,
and a second try finds the job that the first has made.

What is late is told apart by `MISSED`: a moment that nobody fired within a minute of itself was
missed. Of several moments that have passed only the last can fire.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction

from core import clock
from core.errors import Forbidden, InvalidParams, RepriseError
from jobs import access, commands, cron
from jobs.access import Principal
from jobs.cron import BadSchedule, following
from jobs.job import TERMINAL
from jobs.kinds import registry
from jobs.models import Job, Schedule
from jobs.secrets import field

__all__ = ["BadSchedule", "fire", "following", "plan", "problem"]

logger = logging.getLogger(__name__)

MISSED = timedelta(minutes=1)
MAX_MESSAGE = 500


def plan(schedule: Schedule, now: datetime) -> None:
    """Set when an enabled schedule runs next, counted from now: what has passed is forgotten."""
    schedule.next_run = (
        following(schedule.cron, schedule.timezone, now) if schedule.enabled else None
    )


def problem(schedule: Schedule) -> tuple[str, str] | None:
    """Return the field that makes a schedule useless and why, None where there is none."""
    try:
        following(schedule.cron, "UTC", clock.now())
    except BadSchedule as error:
        return "cron", error.message
    try:
        following(schedule.cron, schedule.timezone, clock.now())
    except BadSchedule as error:
        return "timezone", error.message
    try:
        kind = registry.get(schedule.kind)
    except InvalidParams as error:
        return "kind", error.message
    try:
        access.require_open(access.of_user(schedule.owner), kind)
        if field.names(kind.parse(schedule.params)):
            return "params", "A schedule keeps its parameters as they are: no secrets."
    except Forbidden as error:
        return "owner", error.message
    except InvalidParams as error:
        return "params", said(error)
    return None


def said(error: InvalidParams) -> str:
    """Return what does not fit, a sentence for each place."""
    return " ".join(f"{one['pointer']}: {one['detail']}." for one in error.extra["errors"])


def fire(now: datetime | None = None) -> int:
    """Submit every schedule's job that is due (at `now`, else by the database's clock)."""
    moment = now or _now()
    due = Schedule.objects.filter(enabled=True, next_run__lte=moment).order_by("next_run")
    return sum(_fire_one(number, moment) for number in due.values_list("pk", flat=True))


def _fire_one(number: int, now: datetime) -> bool:
    with transaction.atomic():
        due = Schedule.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        found = due.select_related("owner").filter(pk=number, enabled=True, next_run__lte=now)
        if (schedule := found.first()) is None or schedule.next_run is None:
            return False  # another sweeper has it, or had it
        try:
            at = cron.latest(schedule.cron, schedule.timezone, schedule.next_run, now)
            schedule.next_run = following(schedule.cron, schedule.timezone, at)
        except BadSchedule as error:  # changed behind the admin's back
            schedule.enabled, schedule.message = False, error.message
            schedule.save()
            return False
        fired = _run(schedule, at, missed=now - at > MISSED)
        schedule.save()
    return fired


def _run(schedule: Schedule, at: datetime, *, missed: bool) -> bool:
    """Submit the job of a moment, or say in the row why not."""
    when = clock.rfc3339(at)
    if missed and schedule.on_missed == Schedule.SKIP:
        schedule.message = f"Left out {when}: nobody was there to fire it in time."
    elif schedule.overlap == Schedule.SKIP and (running := _unfinished(schedule)):
        schedule.message = f"Left out {when}: job {running.pk} has not ended."
    else:
        return _submit(schedule, at)
    logger.warning("schedule %s: %s", schedule.name, schedule.message, extra={"action": "schedule"})
    return False


def _unfinished(schedule: Schedule) -> Job | None:
    job = schedule.last_job
    return job if job is not None and job.status not in TERMINAL else None


def _submit(schedule: Schedule, at: datetime) -> bool:
    owner = schedule.owner
    try:
        if not owner.is_active:
            raise Forbidden(f"The owner, {owner.get_username()}, is no longer active.")
        with transaction.atomic():
            schedule.last_job, _new = commands.submit(
                Principal(owner, f"schedule:{schedule.name}"),
                schedule.kind,
                schedule.params,
                title=schedule.title or None,
                labels={"schedule": schedule.name},
                idempotency_key=f"schedule:{schedule.pk}:{clock.rfc3339(at)}",
            )
    except RepriseError as error:
        schedule.message = f"Not submitted: {error.message}"[:MAX_MESSAGE]
        logger.warning(
            "schedule %s: %s", schedule.name, schedule.message, extra={"action": "schedule"}
        )
        return False
    schedule.last_run, schedule.message = at, ""
    return True


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
