"""The form of a subscription to notices."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms

from frontend.templatetags.reprise import kinds_for
from jobs.access.visibility import Principal
from jobs.forms.credentials import HiddenValue
from jobs.models import MAX_SUBSCRIPTION, Subscription, Team
from jobs.notices.addresses import LONGEST_ADDRESS
from jobs.notices.outbox import MAIL
from jobs.notices.subscriptions import LONGEST_DIGEST_MINUTES, Wish, shown_values

EVENTS = (
    ("failed", "A job failed"),
    ("approval", "A job waits for an answer"),
    ("done", "A job succeeded or was stopped"),
    ("stuck", "A running job has said nothing for long"),
    ("recovered", "A job succeeded after one that failed"),
)
SERVICE = "service"


class SubscriptionForm(forms.Form):
    """What somebody hears of, where and when; `team` is asked for a new one alone."""

    name = forms.CharField(max_length=MAX_SUBSCRIPTION)
    events = forms.MultipleChoiceField(
        choices=EVENTS,
        label="Tell of",
        initial=["failed"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    team = forms.ModelChoiceField(
        Team.objects.none(), required=False, label="For", empty_label="me",
        help_text="A team hears of its own jobs; its members manage the subscription.",
    )  # fmt: skip
    where = forms.ChoiceField(
        choices=[(MAIL, "mail"), (SERVICE, "a service: Slack, Teams, Telegram, ntfy …")],
        help_text="Mail goes to the address at your account, a team's to its members'.",
    )
    address = forms.CharField(
        required=False,
        max_length=LONGEST_ADDRESS,
        label="Address of the service",
        widget=HiddenValue(attrs={"rows": "2"}),
        help_text="As Apprise has it: slack://…, ntfy://… It is not shown again.",
    )
    kind = forms.ChoiceField(required=False, label="Jobs of the kind")
    target = forms.CharField(required=False, max_length=200, label="Jobs on the target")
    own = forms.BooleanField(required=False, label="Only jobs that I submitted")
    quiet_from = forms.TimeField(
        required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    timezone = forms.ChoiceField(label="Time zone of the quiet hours", initial="UTC")
    digest_minutes = forms.IntegerField(
        min_value=0, max_value=LONGEST_DIGEST_MINUTES, initial=1,
        label="Minutes between two messages", help_text="What happens meanwhile is in the next.",
    )  # fmt: skip
    enabled = forms.BooleanField(required=False, initial=True, label="Switched on")

    def __init__(
        self, principal: Principal, data: Any = None, one: Subscription | None = None
    ) -> None:
        super().__init__(data, initial=_initial_of(one) if one else None)
        self._kept = one is not None and one.channel != MAIL
        if one is None:
            teams = Team.objects.filter(pk__in=principal.team_ids).order_by("name")
            self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        else:
            del self.fields["team"]
        known = {one.kind: one.kind} if one and one.kind else {}
        kinds = known | {kind.name: kind.title for kind in kinds_for(principal.user)}
        self._choose("kind", [("", "every kind"), *kinds.items()])
        self._choose("timezone", [(name, name) for name in sorted(available_timezones())])
        if self._kept:
            self.fields["address"].help_text += " Leave it empty to keep the one that is there."

    def clean(self) -> dict[str, Any]:
        """Ask for an address where there is none."""
        given = super().clean() or self.cleaned_data
        if given.get("where") == SERVICE and not given.get("address") and not self._kept:
            self.add_error("address", "Enter the address of the service.")
        return given

    def wish(self) -> Wish:
        """Return what was asked for."""
        given = {**self.cleaned_data}
        given.pop("team", None)
        where, address = given.pop("where"), given.pop("address")
        return Wish(**given, address="" if where == MAIL else address or None)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices


def _initial_of(one: Subscription) -> dict[str, Any]:
    return {**shown_values(one), "where": MAIL if one.channel == MAIL else SERVICE}
