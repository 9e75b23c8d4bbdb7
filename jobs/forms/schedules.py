"""The form of a schedule."""

from __future__ import annotations

from jobs import schedules
from jobs.forms.base import CheckedForm
from jobs.models import Schedule
from jobs.models.fields import ExactJSONFormField


class ScheduleForm(CheckedForm):
    """A schedule by hand: refused for what it could never submit, unless it is disabled."""

    class Meta:
        model = Schedule
        fields = (
            "name", "kind", "params", "title", "cron", "timezone", "enabled", "owner",
            "on_missed", "overlap",
        )  # fmt: skip
        field_classes = {"params": ExactJSONFormField}

    def find_problem(self, wanted: Schedule) -> tuple[str, str] | None:
        """Return the field that makes a schedule useless and why, None if there is none."""
        return schedules.find_problem(wanted) if wanted.enabled else None
