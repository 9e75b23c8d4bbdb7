"""Schedules: jobs submitted by the clock, each moment once, however many sweepers run.

A schedule's row says when it runs next. Firing asks the kind for the job, then locks the row,
submits the job under the key `schedule:<id>:<moment>` and moves the row on, in one transaction;
another sweeper skips the row, and a second try finds the job that the first has made.

A job that cannot be submitted, whatever the reason, is submitted as one that has failed: its log
says why, as the row does. No other schedule notices.

What is late is told apart by `MISSED`: a moment that nobody fired within a minute of itself was
missed. Of several moments that have passed only the last can fire.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error, InterfaceError, OperationalError, transaction

from core import clock
from core.errors import BadRequest, Forbidden, InvalidParams, NotFound, RepriseError
from core.user_code import describe_error
from jobs.access import credentials, run_rights, visibility
from jobs.kinds import registry
from jobs.kinds.guarded_calls import PATIENCE_SECONDS, KindFailed, ask_kind, guard_kind
from jobs.models import Schedule
from jobs.schedules import cron
from jobs.schedules.cron import BadSchedule, next_moment
from jobs.schedules.firing import Firing, database_now
from jobs.secrets import field

logger = logging.getLogger(__name__)

MISSED = timedelta(minutes=1)


def plan_next(schedule: Schedule, now: datetime) -> None:
    """Set when an enabled schedule runs next, counted from now: what has passed is forgotten."""
    schedule.next_run = (
        next_moment(schedule.cron, schedule.timezone, now) if schedule.enabled else None
    )


def set_enabled(number: int, *, on: bool) -> Schedule:
    """Enable or disable a schedule, whatever is wrong with it; return it.

    Raises NotFound, and BadSchedule if it is to be enabled and its expression means nothing.
    """
    with transaction.atomic():
        schedule = Schedule.objects.select_for_update(no_key=True).filter(pk=number).first()
        if schedule is None:
            raise NotFound("There is no such schedule.")
        schedule.enabled = on
        plan_next(schedule, clock.now())
        schedule.save(update_fields=["enabled", "next_run"])
    return schedule


def find_problem(schedule: Schedule) -> tuple[str, str] | None:
    """Return the field that makes a schedule useless, and why; None if it can submit jobs."""
    try:
        cron.zone_of(schedule.timezone)
    except BadSchedule as error:
        return "timezone", error.message
    try:
        next_moment(schedule.cron, schedule.timezone, clock.now())
    except BadSchedule as error:
        return "cron", error.message
    try:
        registry.get_kind(schedule.kind)
    except InvalidParams as error:
        return "kind", error.message
    try:
        ask_kind(schedule.kind, lambda: _check_params(schedule))
    except Forbidden as error:
        return "owner", error.message
    except InvalidParams as error:
        return "params", error.places()
    except (KindFailed, Error) as error:
        return "kind", describe_error(error)
    except RepriseError as error:
        return "params", error.message
    return None


def _check_params(schedule: Schedule) -> None:
    kind, owner = registry.get_kind(schedule.kind), visibility.of_user(schedule.owner)
    visibility.require_open(owner, kind)
    with run_rights.known_targets(owner, kind.name), guard_kind(kind.name):
        params = kind.parse(schedule.params)
        if field.secret_names(params):
            raise BadRequest("A schedule keeps its parameters as they are: no secrets.")
        named, reached = kind.named_credentials(params), kind.reached_targets(params)
    team = run_rights.team_to_run(owner, kind.name, sorted(reached), schedule.params)
    credentials.require_usable(team, owner.user, named, reached)


@dataclass(frozen=True, slots=True)
class Standing:
    """How all schedules do: how many are enabled, and failures in a row of those that fail."""

    enabled: int
    failing: Mapping[str, int]


def schedules_status() -> Standing:
    """Return how the enabled schedules do."""
    enabled = Schedule.objects.filter(enabled=True).values_list("name", "failures")
    return Standing(len(enabled), {name: failures for name, failures in enabled if failures})


def fire_due(now: datetime | None = None, *, patience: float = PATIENCE_SECONDS) -> int:
    """Submit every schedule's job that is due (at `now`, else by the database's clock).

    Return how many were submitted. A schedule's own trouble is noted at the schedule; what else
    goes wrong is raised when all have had their turn.
    """
    moment = now or database_now()
    due = Schedule.objects.filter(enabled=True, next_run__lte=moment).order_by("next_run")
    fired, trouble = 0, None
    for schedule in due.select_related("owner", "author", "changed_by", "last_job"):
        try:
            fired += _fire_one(schedule, moment, patience)
        except Exception as error:
            logger.exception("schedule %s broke", schedule.name, extra={"action": "schedule"})
            trouble = error
    if trouble is not None:
        raise trouble
    return fired


def _fire_one(schedule: Schedule, now: datetime, patience: float) -> bool:
    first = schedule.next_run or now
    try:
        at = cron.latest_moment(schedule.cron, schedule.timezone, first, now)
        after = next_moment(schedule.cron, schedule.timezone, at)
    except BadSchedule as error:  # changed behind the admin's back, or taken before an upgrade
        return Firing(schedule, first, None).note_failure(error.message)
    firing = Firing(schedule, at, after, patience)
    try:
        return firing.submit_or_note(late=now - at > MISSED)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the next pass comes back to the row
    except Exception as error:
        logger.exception("schedule %s broke", schedule.name, extra={"action": "schedule"})
        return firing.note_failure(describe_error(error))
