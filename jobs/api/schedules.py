"""/api/schedules: how the schedules do; switch one on or off, delete it. For staff."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from core.errors import NotFound
from jobs import schedules
from jobs.access import visibility
from jobs.api.auth import principal_of
from jobs.api.fields import Text, is_key
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.api.schemas import ScheduleOut, SchedulesOut, Switch, error_responses
from jobs.api.shapes import moment_json
from jobs.models import Schedule

router = Router(tags=["schedules"])


class SchedulesQuery(Schema):
    """The query of GET /api/schedules."""

    after: Text = Field("", description="Those whose names come after this one.")


@router.get("", response={200: SchedulesOut, **error_responses(403)})
def list_schedules(request: HttpRequest, query: Query[SchedulesQuery]) -> dict[str, Any]:
    """List the schedules by name, with what went wrong last; a page has up to half a megabyte."""
    visibility.require_staff(principal_of(request))
    rows = _rows().filter(name__gt=query.after).order_by("name")
    page, more = fit_page([_schedule_json(one) for one in rows[: MAX_LIMIT + 1]], MAX_LIMIT)
    return {"schedules": page, "next": page[-1]["name"] if more else None}


@router.get("/{schedule_id}", response={200: ScheduleOut, **error_responses(403, 404)})
def read_schedule(request: HttpRequest, schedule_id: str) -> dict[str, Any]:
    """Return one schedule."""
    visibility.require_staff(principal_of(request))
    return _schedule_json(_get_schedule(schedule_id))


@router.patch("/{schedule_id}", response={200: ScheduleOut, **error_responses(403, 404, 422)})
def switch_schedule(request: HttpRequest, schedule_id: str, wish: Switch) -> dict[str, Any]:
    """Enable or disable a schedule; disabling works whatever is wrong with it."""
    visibility.require_staff(principal_of(request))
    return _schedule_json(schedules.set_enabled(_get_schedule(schedule_id).pk, on=wish.enabled))


@router.delete("/{schedule_id}", response={204: None, **error_responses(403, 404)})
def delete_schedule(request: HttpRequest, schedule_id: str) -> Status[None]:
    """Delete a schedule; its jobs stay."""
    visibility.require_staff(principal_of(request))
    _get_schedule(schedule_id).delete()
    return Status(204, None)


def _rows() -> QuerySet[Schedule]:
    return Schedule.objects.select_related("owner", "author", "changed_by")


def _get_schedule(schedule_id: str) -> Schedule:
    found = _rows().filter(pk=int(schedule_id)).first() if is_key(schedule_id) else None
    if found is None:
        raise NotFound
    return found


def _schedule_json(schedule: Schedule) -> dict[str, Any]:
    plain = (
        "id", "name", "kind", "params", "title", "cron", "timezone", "enabled", "on_missed",
        "overlap", "message", "failures", "error",
    )  # fmt: skip
    moments = ("next_run", "last_run", "failed_at")
    return {
        **{name: getattr(schedule, name) for name in plain},
        **{name: moment_json(getattr(schedule, name)) for name in moments},
        "owner": schedule.owner.get_username(),
        "author": schedule.author.get_username() if schedule.author else None,
        "changed_by": schedule.changed_by.get_username() if schedule.changed_by else None,
        "last_job": str(schedule.last_job_id) if schedule.last_job_id else None,
    }
