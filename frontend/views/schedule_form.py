"""The form of a schedule on its page: the owner by name, the params by the kind's own form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from core.errors import BadRequest
from frontend.views.pages import params_as_text
from jobs.events import strict_json
from jobs.forms.schedules import ScheduleForm
from jobs.kinds.kind import AnyKind

HELP = {
    "name": "Events and jobs name it: schedule:NAME.",
    "title": "Of its jobs. Empty: what the kind calls them.",
    "cron": "minute hour day month weekday: 30 3 * * 1-5 is 03:30 from Monday to Friday.",
    "timezone": "On the clock of this place: Europe/Berlin.",
    "enabled": "",
    "owner": "Whose jobs they are, with that user's team and rights.",
    "params": "A JSON object. All staff see it: no secrets.",
}
LABELS = {
    "cron": "When", "timezone": "Time zone", "params": "Parameters", "on_missed": "A missed run",
    "overlap": "A run while the last one goes on", "enabled": "On",
}  # fmt: skip


class SchedulePageForm(ScheduleForm):
    """A schedule of one kind."""

    owner = forms.CharField(max_length=150, label="Owner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["owner"] = self.instance.owner.get_username()
        del self.fields["kind"]
        self.order_fields(["name", "title"])
        for name, text in HELP.items():
            self.fields[name].help_text = text
        for name, text in LABELS.items():
            self.fields[name].label = text

    def clean_owner(self) -> User:
        """Return the user of this name; ValidationError if there is none who is active."""
        name = self.cleaned_data["owner"]
        found = User.objects.filter(username=name, is_active=True).first()
        if found is None:
            raise ValidationError("There is no active user of this name.")
        return found

    def _wanted(self) -> Any:
        wanted = super()._wanted()
        wanted.kind = self.instance.kind  # type: ignore[attr-defined]
        return wanted


def kind_params(kind: AnyKind, form: SchedulePageForm) -> dict[str, str]:
    """Return what the kind's own form begins with: what was sent, or else what is stored."""
    stored = form.instance.params
    text = form["params"].value()
    if form.is_bound and isinstance(text, str):
        try:
            stored = strict_json.loads_written(text)
        except BadRequest:
            return {}
    return params_as_text(kind, stored if isinstance(stored, dict) else {})
