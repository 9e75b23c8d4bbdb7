"""The forms of credentials: a value is written there, and never shown again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from jobs.access.credentials import MANAGE
from jobs.access.visibility import Principal
from jobs.commands.credentials import NewValue
from jobs.forms.base import check_visible
from jobs.forms.credentials import HiddenValue
from jobs.models import MAX_CREDENTIAL, Credential, Team
from jobs.secrets.stores import store_names

TYPES: list[tuple[str, str]] = list(Credential._meta.get_field("type").flatchoices)


class PrincipalForm(forms.Form):
    """A form that offers what somebody may choose."""

    def __init__(self, principal: Principal, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.is_staff = principal.user.is_staff


class ValueForm(PrincipalForm):
    """The value of a credential, or for staff where it is in an outside store."""

    value = forms.CharField(
        required=False,
        strip=False,
        widget=HiddenValue(attrs={"rows": "6"}),
        help_text="It is not shown again. A key without a passphrase, or one line.",
    )
    store = forms.ChoiceField(required=False, label="Or from the store")
    reference = forms.CharField(
        required=False, max_length=500, help_text="Where it is there: path#field."
    )

    def __init__(self, principal: Principal, data: Any = None, **kwargs: Any) -> None:
        super().__init__(principal, data, **kwargs)
        names = store_names() if self.is_staff else []
        self.fields["store"].choices = [("", "none"), *((one, one) for one in names)]  # type: ignore[attr-defined]
        if not names:
            del self.fields["store"], self.fields["reference"]

    def held(self) -> NewValue:
        """Return what was written. Browsers send DOS line ends, whatever was pasted."""
        given = self.cleaned_data
        value, store = given["value"].replace("\r\n", "\n"), given.get("store", "")
        return NewValue(value if value or not store else None, store, given.get("reference", ""))


class UseForm(PrincipalForm):
    """What a credential is for, and which other teams' jobs may use it."""

    description = forms.CharField(required=False, max_length=300, validators=[check_visible])
    users = forms.ModelMultipleChoiceField(
        Team.objects.none(),
        required=False,
        label="Other teams whose jobs may use it",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, principal: Principal, data: Any = None, one: Credential | None = None, **kwargs: Any
    ) -> None:
        if one is not None:
            kwargs["initial"] = {"description": one.description, "users": list(one.users.all())}
        super().__init__(principal, data, **kwargs)
        self.fields["users"].queryset = _offered_teams(principal, one)  # type: ignore[attr-defined]


class CredentialForm(UseForm, ValueForm):
    """A new credential."""

    name = forms.CharField(max_length=MAX_CREDENTIAL)
    type = forms.ChoiceField(choices=TYPES)
    team = forms.ModelChoiceField(Team.objects.none(), label="Owner", required=False)

    def __init__(self, principal: Principal, data: Any = None) -> None:
        super().__init__(principal, data)
        team = self.fields["team"]
        team.queryset = _own_teams(principal)  # type: ignore[attr-defined]
        team.empty_label = "the installation"  # type: ignore[attr-defined]
        team.help_text = "Its jobs may use it."
        if not self.is_staff:
            team.required, team.empty_label = True, "choose"  # type: ignore[attr-defined]
        self.order_fields(["name", "type", "team", "value", "store", "reference", "description"])

    def wanted(self) -> Credential:
        """Return the credential without what it holds, not stored."""
        names = ("name", "type", "team", "description")
        return Credential(**{name: self.cleaned_data[name] for name in names})


def may_make(principal: Principal) -> bool:
    """Return whether somebody may make any credential."""
    staff = principal.user.is_staff
    return staff or (principal.has(MANAGE) and bool(principal.team_ids))


def _own_teams(principal: Principal) -> QuerySet[Team]:
    """Return the teams for which somebody may make a credential."""
    found = Team.objects.order_by("name")
    return found if principal.user.is_staff else found.filter(pk__in=principal.team_ids)


def _offered_teams(principal: Principal, one: Credential | None) -> QuerySet[Team]:
    """Return the teams to choose from: others than one's own are named where they are chosen."""
    found = Team.objects.order_by("name")
    if principal.user.is_staff:
        return found
    chosen = Q(usable_credentials=one) if one is not None else Q()
    return found.filter(Q(pk__in=principal.team_ids) | chosen).distinct()
