"""The form of a target."""

from __future__ import annotations

from jobs.forms.base import CheckedForm
from jobs.models import Target
from jobs.models.fields import ExactJSONFormField
from jobs.targets import validation


class TargetForm(CheckedForm):
    """A target by hand: refused for what an import would refuse."""

    class Meta:
        model = Target
        fields = ("name", "group", "labels", "transport", "address", "variables")
        field_classes = {"labels": ExactJSONFormField, "variables": ExactJSONFormField}

    def find_problem(self, wanted: Target) -> tuple[str, str] | None:
        """Return the field that makes a target useless and why, None if there is none."""
        return validation.find_problem(wanted)
