"""`/credentials`: what one's jobs may use and what one manages; nobody sees a value."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import Forbidden, NotFound
from frontend.views.credential_form import TYPES, CredentialForm, UseForm, ValueForm, may_make
from frontend.views.editing import confirm, edit, style_fields
from frontend.views.frame import page
from frontend.views.listing import ListFilters, show_list
from jobs.access import credentials as access
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.access.visible_targets import visible_targets
from jobs.commands import credentials as commands
from jobs.models import Credential

LIST = "/credentials"
FORM_METHODS = ["GET", "HEAD", "POST"]
MOST_TARGETS = 50


class CredentialFilters(ListFilters):
    """The filters of the credentials."""

    type = forms.ChoiceField(required=False, label="Type", choices=[("", "any"), *TYPES])
    team = forms.CharField(required=False, max_length=100, label="Owner")

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query)
        self.fields["text"].label = "Name or description"
        style_fields(self)


@require_safe
@page
def credentials(request: HttpRequest, principal: Principal) -> HttpResponse:
    """List the credentials that somebody may use or manage."""
    if not (principal.has("submit_job") or principal.has(access.MANAGE)):
        raise Forbidden("Your role uses no credentials.")
    filters = CredentialFilters(request.GET)
    rows = access.visible_credentials(principal).select_related("team").prefetch_related("users")
    if text := filters.value_of("text"):
        rows = rows.filter(name__icontains=text) | rows.filter(description__icontains=text)
    if type_ := filters.value_of("type"):
        rows = rows.filter(type=type_)
    if team := filters.value_of("team"):
        rows = rows.filter(team__name__iexact=team) | rows.filter(team__slug=team)
    template, may = "frontend/credentials/list.html", may_make(principal)
    return show_list(request, template, rows, filters, may_make=may)


@require_safe
@page
def credential(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Show one credential: whose it is, who used it last, which targets name it."""
    found = _find(principal, number)
    managed = access.managed_credentials(principal).filter(pk=found.pk).exists()
    job = found.last_used_by if managed else None
    named = visible_targets(principal).filter(
        transport=access.TRANSPORT, variables__contains={access.VARIABLE: found.name}
    )
    context = {
        "credential": found,
        "may_manage": managed,
        "job": job
        if job and visibility.listed_jobs(principal).filter(pk=job.pk).exists()
        else None,
        "targets": named[:MOST_TARGETS],
        "target_count": named.count(),
        "sees_log": principal.visibility.everything,
    }
    return render(request, "frontend/credentials/detail.html", context)


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("value")
@page
def add_credential(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Make a credential."""
    if not may_make(principal):
        raise Forbidden("Your role does not let you manage credentials.")
    form = CredentialForm(principal, request.POST or None)

    def save(valid: CredentialForm) -> None:
        chosen = valid.cleaned_data["users"]
        commands.make_credential(principal, valid.wanted(), valid.held(), chosen)

    return edit(
        request, form, save, to=LIST, done="The credential was added.", crumb="Credentials",
        title="Add a credential", button="Add credential",
    )  # fmt: skip


@require_http_methods(FORM_METHODS)
@page
def edit_credential(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Change what a credential is for and who else may use it."""
    found = _managed(principal, number)
    form = UseForm(principal, request.POST or None, found)

    def save(valid: UseForm) -> None:
        chosen = valid.cleaned_data
        commands.change_credential(
            principal, found.name, None, chosen["description"], chosen["users"]
        )

    return edit(
        request, form, save, to=f"{LIST}/{number}", done=f"{found.name} was changed.",
        crumb=found.name, title=f"Change {found.name}",
    )  # fmt: skip


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("value")
@page
def rotate_credential(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Replace a credential's value."""
    found = _managed(principal, number)
    form = ValueForm(principal, request.POST or None)

    def save(valid: ValueForm) -> None:
        commands.change_credential(principal, found.name, valid.held())

    return edit(
        request, form, save, to=f"{LIST}/{number}", done=f"{found.name} has a new value.",
        crumb=found.name, title=f"Rotate {found.name}", button="Replace value",
        lead="The next step that uses it gets the new value.",
    )  # fmt: skip


@require_http_methods(FORM_METHODS)
@page
def remove_credential(request: HttpRequest, principal: Principal, number: UUID) -> HttpResponse:
    """Remove a credential, once that is confirmed."""
    found = _managed(principal, number)

    def remove() -> str:
        commands.remove_credential(principal, found.name)
        return f"{found.name} was removed."

    title, back = f"Remove {found.name}", f"{LIST}/{number}"
    words = ["Jobs that need it fail at their next step, and say so. Its value does not come back."]
    return confirm(request, remove, to=LIST, back=back, crumb=found.name, title=title, words=words)


def _find(principal: Principal, number: UUID) -> Credential:
    found = access.visible_credentials(principal).select_related("team").filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such credential that you may see.")
    return found


def _managed(principal: Principal, number: UUID) -> Credential:
    return access.require_managed(principal, _find(principal, number).name)
