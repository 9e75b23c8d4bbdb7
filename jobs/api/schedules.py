"""/api/schedules: how the schedules do; switch one on or off, delete it. For staff."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from core.errors import Forbidden, NotFound
from jobs import schedules
from jobs.api.auth import principal_of
from jobs.api.schemas import ScheduleOut, SchedulesOut, Switch, error_responses
from jobs.api.shapes import moment_json
from jobs.models import Schedule

router = Router(tags=["schedules"])


@router.get("", response={200: SchedulesOut, **error_responses(403)})
def list_schedules(request: HttpRequest) -> dict[str, Any]:
    """List the schedules by name, with what went wrong last."""
    _require_staff(request)
    return {"schedules": [_schedule_json(one) for one in Schedule.objects.select_related("owner")]}


@router.get("/{schedule_id}", response={200: ScheduleOut, **error_responses(403, 404)})
def read_schedule(request: HttpRequest, schedule_id: str) -> dict[str, Any]:
    """Return one schedule."""
    _require_staff(request)
    return _schedule_json(_get_schedule(schedule_id))


@router.patch("/{schedule_id}", response={200: ScheduleOut, **error_responses(403, 404, 422)})
def switch_schedule(request: HttpRequest, schedule_id: str, wish: Switch) -> dict[str, Any]:
    """Enable or disable a schedule; disabling works whatever is wrong with it."""
    _require_staff(request)
    return _schedule_json(schedules.set_enabled(_get_schedule(schedule_id).pk, on=wish.enabled))


@router.delete("/{schedule_id}", response={204: None, **error_responses(403, 404)})
def delete_schedule(request: HttpRequest, schedule_id: str) -> Status[None]:
    """Delete a schedule; its jobs stay."""
    _require_staff(request)
    _get_schedule(schedule_id).delete()
    return Status(204, None)


def _require_staff(request: HttpRequest) -> None:
    if not principal_of(request).user.is_staff:
        raise Forbidden("Only staff manage schedules.")


def _get_schedule(schedule_id: str) -> Schedule:
    # Past 18 digits it could not be a key of the table, only an error of its driver.
    if not (schedule_id.isascii() and schedule_id.isdigit() and len(schedule_id) <= 18):
        raise NotFound
    found = Schedule.objects.select_related("owner").filter(pk=int(schedule_id)).first()
    if found is None:
        raise NotFound
    return found


def _schedule_json(schedule: Schedule) -> dict[str, Any]:
    plain = ("name", "kind", "params", "title", "cron", "timezone", "enabled", "on_missed")
    return {
        "id": schedule.pk,
        **{name: getattr(schedule, name) for name in plain},
        "overlap": schedule.overlap,
        "owner": schedule.owner.get_username(),
        "next_run": moment_json(schedule.next_run),
        "last_run": moment_json(schedule.last_run),
        "last_job": str(schedule.last_job_id) if schedule.last_job_id else None,
        "message": schedule.message,
        "failures": schedule.failures,
        "failed_at": moment_json(schedule.failed_at),
        "error": schedule.error,
    }
