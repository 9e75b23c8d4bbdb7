"""What staff do to schedules by hand: save, switch, delete, run one now."""

from __future__ import annotations

from django.db.models import QuerySet

from core import clock
from core.errors import NotFound
from jobs import commands
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.models import Job, Schedule
from jobs.schedules.schedule import plan_next, set_enabled


def find_schedule(principal: Principal, number: int) -> Schedule:
    """Return a schedule with its people and its last job. Raises Forbidden, NotFound."""
    visibility.require_staff(principal)
    people = ("owner", "author", "changed_by", "last_job")
    found = Schedule.objects.select_related(*people).filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such schedule.")
    return found


def save_schedule(principal: Principal, schedule: Schedule) -> None:
    """Keep a schedule, with who wrote it, to run next at the first moment from now on.

    Raises Forbidden, and BadSchedule for an enabled one whose expression means nothing.
    """
    visibility.require_staff(principal)
    schedule.changed_by = principal.user
    if schedule._state.adding:
        schedule.author = principal.user
    plan_next(schedule, clock.now())
    schedule.save()


def switch_schedule(principal: Principal, number: int, *, on: bool) -> Schedule:
    """Let a schedule run, from now on, or pause it. Raises Forbidden, NotFound, BadSchedule."""
    find_schedule(principal, number)
    return set_enabled(number, on=on)


def delete_schedule(principal: Principal, number: int) -> Schedule:
    """Delete a schedule, whatever is wrong with it; its jobs stay."""
    schedule = find_schedule(principal, number)
    schedule.delete()
    return schedule


def run_now(principal: Principal, number: int, key: str) -> Job:
    """Submit a schedule's job at once, as a job of whoever asks; with the same key only once.

    It is not one of the schedule's own moments: the schedule goes on as before. Raises what
    submitting a job raises.
    """
    schedule = find_schedule(principal, number)
    labels = {"schedule": schedule.name}
    title = schedule.title or None
    return commands.submit(
        principal, schedule.kind, schedule.params, title, labels, idempotency_key=key
    )[0]


def jobs_of(principal: Principal, schedule: Schedule) -> QuerySet[Job]:
    """Return those of a schedule's own jobs that the principal may see, the newest first."""
    own = visibility.listed_jobs(principal).filter(owner=schedule.owner)
    return own.filter(submitted_by=f"schedule:{schedule.name}").order_by("-pk")
