"""`/people`: accounts, roles, second factors and sessions; for those who manage people."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.words import counted
from frontend.views.account import describe_session, describe_token
from frontend.views.editing import confirm, edit, finish, style_fields
from frontend.views.frame import confirmed, page
from frontend.views.listing import ListFilters, show_list
from jobs.access import sessions
from jobs.access.visibility import Principal
from jobs.commands import people as commands
from jobs.forms.people import NewPersonForm, PersonForm
from jobs.models import ApiToken

LIST = "/people"
LABELS = {
    "username": "User name",
    "first_name": "First name",
    "last_name": "Last name",
    "email": "Address of mail",
    "is_active": "May sign in",
    "is_staff": "Staff: sees and steers every job, sets things up",
}
FORM_METHODS = ["GET", "HEAD", "POST"]
FACTORS = {
    Authenticator.Type.TOTP: "app",
    Authenticator.Type.WEBAUTHN: "passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


class PeopleFilters(ListFilters):
    """The filters of the people."""

    role = forms.ModelChoiceField(
        Group.objects.order_by("name"), required=False, label="Role", to_field_name="name",
        empty_label="any",
    )  # fmt: skip
    team = forms.CharField(required=False, max_length=100, label="Team")
    state = forms.ChoiceField(
        required=False,
        label="State",
        choices=[("", "any"), ("active", "may sign in"), ("disabled", "disabled")],
    )

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query)
        self.fields["text"].label = "Name"
        style_fields(self)

    def apply(self, found: QuerySet[User]) -> QuerySet[User]:
        """Return those of the people who pass."""
        if text := self.value_of("text"):
            names = ("username", "first_name", "last_name", "email")
            matches = [Q(**{f"{name}__icontains": text}) for name in names]
            found = found.filter(matches[0] | matches[1] | matches[2] | matches[3])
        if role := self.value_of("role"):
            found = found.filter(groups__name=role)
        if team := self.value_of("team"):
            found = found.filter(Q(reprise_teams__name=team) | Q(reprise_teams__slug=team))
        if state := self.value_of("state"):
            found = found.filter(is_active=state == "active")
        return found.distinct()


@require_safe
@page
def people(request: HttpRequest, principal: Principal) -> HttpResponse:
    """List the people with their roles and teams."""
    commands.require_manager(principal)
    filters = PeopleFilters(request.GET)
    rows = filters.apply(User.objects.prefetch_related("groups", "reprise_teams"))
    return show_list(request, "frontend/people/list.html", rows, filters, key="username")


@require_safe
@page
def person(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Show somebody: what they may, what they sign in with, where they are signed in."""
    found = commands.find_person(principal, number)
    tokens = ApiToken.objects.select_related("team").filter(user=found, revoked_at=None)
    factors = Authenticator.objects.filter(user=found).order_by("type")
    context = {
        "person": found,
        "may_touch": commands.may_touch(principal, found),
        "factors": [FACTORS.get(one.type, one.type) for one in factors],
        "sessions": [describe_session(one) for one in sessions.sessions_of(found)],
        "tokens": [describe_token(one) for one in tokens.order_by("name")],
    }
    return render(request, "frontend/people/detail.html", context)


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("password1", "password2")
@page
def add_person(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Add somebody."""
    commands.require_manager(principal)
    form = NewPersonForm(request.POST or None)
    return _edit(request, principal, form, to=LIST, title="Add a person", button="Add person")


@require_http_methods(FORM_METHODS)
@page
def edit_person(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Change somebody's account, roles and teams."""
    found = commands.person_to_change(principal, number)
    name = found.get_username()
    form = PersonForm(request.POST or None, instance=found)
    return _edit(request, principal, form, to=f"{LIST}/{number}", title=f"Change {name}")


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("new_password1", "new_password2")
@page
@confirmed
def reset_password(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Give somebody a new password."""
    found = commands.person_to_change(principal, number)
    name = found.get_username()
    form = SetPasswordForm(found, request.POST or None)
    form.fields["new_password1"].help_text = form.fields["new_password2"].help_text = ""
    form.fields["new_password1"].label = "New password"
    form.fields["new_password2"].label = "New password, again"

    def save(valid: Any) -> None:
        commands.set_password(principal, number, valid.cleaned_data["new_password1"])

    return edit(
        request,
        form,
        save,
        to=f"{LIST}/{number}",
        done=f"{name} has a new password, and is signed out everywhere.",
        title=f"New password for {name}",
        lead="It ends their sessions. Their second factors and tokens stay.",
        button="Set password",
        crumb=name,
    )


@require_http_methods(FORM_METHODS)
@page
@confirmed
def reset_factors(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Remove somebody's second factors, once that is confirmed."""
    found = commands.person_to_change(principal, number)
    name = found.get_username()

    def reset() -> str:
        removed = commands.reset_factors(principal, number)
        return f"Removed {counted(removed, 'second factor')} of {name}."

    words = [
        "Make sure that it is they who ask, on another way than by mail.",
        "Their password alone signs them in until they set up a new factor.",
    ]
    title = f"Reset the second factor of {name}"
    back = f"{LIST}/{number}"
    return confirm(
        request, reset, to=back, crumb=name, title=title, words=words, button="Reset second factor"
    )


@require_POST
@page
def end_sessions(
    request: HttpRequest, principal: Principal, number: int, short_id: str = ""
) -> HttpResponse:
    """End one of somebody's sessions, or all."""
    ended = commands.end_sessions(principal, number, short_id)
    return finish(request, f"Ended {counted(ended, 'session')}.", f"{LIST}/{number}")


@require_POST
@page
def revoke_token(
    request: HttpRequest, principal: Principal, number: int, token: int
) -> HttpResponse:
    """Revoke one of somebody's tokens."""
    revoked = commands.revoke_token(principal, number, token)
    return finish(request, f"Revoked {counted(revoked, 'token')}.", f"{LIST}/{number}")


def _edit(
    request: HttpRequest, principal: Principal, form: PersonForm, *, to: str, **words: Any
) -> HttpResponse:
    for name, label in LABELS.items():
        form.fields[name].label = label
        form.fields[name].help_text = ""

    def save(valid: PersonForm) -> None:
        account = valid.save(commit=False)
        chosen = valid.cleaned_data
        commands.save_person(principal, account, chosen["groups"], chosen["teams"])

    return edit(request, form, save, to=to, done="The person was saved.", crumb="People", **words)
