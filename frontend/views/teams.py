"""`/teams`: who is in which team, and what rights teams have; for staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import storable_text
from frontend.views.editing import attempt, confirm, edit, style_fields
from frontend.views.frame import page
from frontend.views.listing import ListFilters, show_list
from jobs.access import grants, visibility
from jobs.access.rights import are_granted
from jobs.access.visibility import Principal
from jobs.commands import teams as commands
from jobs.forms.people import TeamForm
from jobs.kinds import registry
from jobs.models import ALL, Team

LIST = "/teams"
FORM_METHODS = ["GET", "HEAD", "POST"]


@require_safe
@page
def teams(request: HttpRequest, principal: Principal) -> HttpResponse:
    """List the teams."""
    visibility.require_staff(principal)
    filters = ListFilters(request.GET)
    style_fields(filters)
    rows = Team.objects.annotate(
        people=Count("members", distinct=True), given=Count("rights", distinct=True)
    )
    if text := filters.value_of("text"):
        rows = rows.filter(name__icontains=text)
    return show_list(request, "frontend/teams/list.html", rows, filters)


@require_safe
@page
def team(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Show a team's members and rights."""
    found = commands.find_team(principal, number)
    rights = [(one, grants.count_targets(one)) for one in found.rights.all()]
    context = {
        "team": found,
        "members": found.members.order_by("username"),
        "rights": rights,
        "granted": are_granted(),
        "right_form": _right_form(),
        "credentials": found.credentials.order_by("name"),
    }
    return render(request, "frontend/teams/detail.html", context)


@require_http_methods(FORM_METHODS)
@page
def add_team(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Add a team."""
    visibility.require_staff(principal)
    return _edit(request, principal, Team(), title="Add a team", button="Add team", to=LIST)


@require_http_methods(FORM_METHODS)
@page
def edit_team(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Rename a team."""
    found = commands.find_team(principal, number)
    return _edit(request, principal, found, title=f"Change {found.name}", to=f"{LIST}/{number}")


@require_http_methods(FORM_METHODS)
@page
def delete_team(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Delete a team that nothing belongs to, once that is confirmed."""
    found, back = commands.find_team(principal, number), f"{LIST}/{number}"

    def delete() -> str:
        commands.delete_team(principal, number)
        return f"{found.name} was deleted."

    title = f"Delete {found.name}"
    words = ["Its rights go with it. A team that has jobs or credentials stays."]
    return confirm(request, delete, to=LIST, back=back, crumb=found.name, title=title, words=words)


@require_POST
@page
def add_member(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Put somebody into a team, by their user name."""

    def add() -> str:
        added = commands.add_member(principal, number, _sent(request, "username"))
        return f"{added.get_username()} is in the team."

    return attempt(request, add, to=f"{LIST}/{number}")


@require_POST
@page
def remove_member(
    request: HttpRequest, principal: Principal, number: int, person: int
) -> HttpResponse:
    """Take somebody out of a team."""

    def remove() -> str:
        removed = commands.remove_member(principal, number, person)
        return f"{removed.get_username()} is no longer in the team."

    return attempt(request, remove, to=f"{LIST}/{number}")


@require_POST
@page
def give_right(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Give a team a right."""

    def give() -> str:
        wanted = [_sent(request, name) for name in ("act", "kind", "targets")]
        given = commands.give_right(principal, number, *wanted)
        return f"Gave the right to {given.words}."

    return attempt(request, give, to=f"{LIST}/{number}")


@require_POST
@page
def take_right(request: HttpRequest, principal: Principal, number: int, right: int) -> HttpResponse:
    """Take a right from a team."""

    def take() -> str:
        return f"Took the right to {commands.take_right(principal, number, right).words}."

    return attempt(request, take, to=f"{LIST}/{number}")


def _sent(request: HttpRequest, name: str) -> str:
    return storable_text(request.POST.get(name, "")).strip()


def _right_form() -> forms.Form:
    kinds = [(ALL, "every kind"), *((kind.name, kind.title) for kind in registry.all_kinds())]
    form = forms.Form()
    form.fields["act"] = forms.ChoiceField(choices=[(act, act) for act in grants.ACTS])
    form.fields["kind"] = forms.ChoiceField(choices=kinds)
    form.fields["targets"] = forms.CharField(initial=ALL)
    style_fields(form)
    return form


def _edit(
    request: HttpRequest, principal: Principal, found: Team, *, to: str, **words: Any
) -> HttpResponse:
    form = TeamForm(request.POST or None, instance=found)
    form.fields["slug"].label = "Short name"
    form.fields["slug"].help_text = "Tokens, files and single sign-on name the team so."

    def save(valid: TeamForm) -> None:
        commands.save_team(principal, valid.save(commit=False))

    return edit(request, form, save, to=to, done="The team was saved.", crumb="Teams", **words)
