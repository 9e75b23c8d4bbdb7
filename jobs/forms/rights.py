"""The form of a right."""

from __future__ import annotations

from jobs.access import grants
from jobs.forms.base import CheckedForm
from jobs.models import Right


class RightForm(CheckedForm):
    """A right by hand: refused if it would be of no use."""

    class Meta:
        model = Right
        fields = ("team", "act", "kind", "targets")

    def find_problem(self, wanted: Right) -> tuple[str, str] | None:
        """Return the field that makes a right useless and why, None if there is none."""
        return grants.find_problem(wanted)
