"""The forms of people and teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.forms import SetPasswordMixin
from django.contrib.auth.models import Group, User
from django.views.decorators.debug import sensitive_variables

from jobs.forms.base import VisibleForm
from jobs.models import Team

# Generic in the stubs only, not at run time.
if TYPE_CHECKING:
    PasswordMixin = SetPasswordMixin[User]
else:
    PasswordMixin = SetPasswordMixin


class PersonForm(VisibleForm):
    """Somebody's account, roles and teams. It makes no superuser."""

    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        label="Roles",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["teams"] = list(self.instance.reprise_teams.all())


class NewPersonForm(PasswordMixin, PersonForm):
    """Somebody new. Without a password they sign in by single sign-on only."""

    password1, password2 = SetPasswordMixin.create_password_fields("Password", "Password, again")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].required = False
            self.fields[name].help_text = ""
        self.fields["password1"].help_text = "Empty: they sign in by single sign-on only."
        self.order_fields(["username", "password1", "password2"])

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Check the password by the rules for everybody's."""
        super().clean()
        cleaned = self.cleaned_data
        if cleaned.get("password1") != cleaned.get("password2"):
            self.add_error("password2", "The two passwords differ.")
        self.instance.username = cleaned.get("username", "")
        self.validate_password_for_user(self.instance, "password1")
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Return the account with its password, or with none."""
        person = super().save(commit=False)
        person.set_password(self.cleaned_data["password1"] or None)
        if commit:
            person.save()
        return person


class TeamForm(VisibleForm):
    """A team."""

    class Meta:
        model = Team
        fields = ("name", "slug")
