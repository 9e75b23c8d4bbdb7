"""`/targets`: the inventory, for all who see jobs; staff change it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_http_methods, require_safe

from frontend.views.editing import confirm, edit, style_fields
from frontend.views.frame import page
from frontend.views.listing import ListFilters, show_list
from jobs.access import visibility
from jobs.access.credentials import TRANSPORT, VARIABLE, visible_credentials
from jobs.access.visibility import Principal
from jobs.access.visible_targets import visible_targets
from jobs.commands import inventory
from jobs.commands.inventory import TargetUse
from jobs.forms.targets import TargetForm
from jobs.models import Claim, Target
from jobs.targets.selectors import GROUP, LABEL, matching_query
from jobs.transports.run_command import TRANSPORTS

LIST = "/targets"
EXAMPLES = {
    "labels": 'A JSON object of texts: {"role": "web", "rack": "7"}.',
    "address": "For ssh: ssh://user@host:port. For local targets, what their kind of work needs.",
    "variables": "A JSON object that kinds and the transport read.",
    "group": "Jobs choose its targets by group:NAME.",
}


class TargetFilters(ListFilters):
    """The filters of the inventory."""

    group = forms.CharField(required=False, max_length=100, label="Group")
    label = forms.CharField(required=False, max_length=200, label="Label")
    state = forms.ChoiceField(
        required=False,
        label="State",
        choices=[("", "any"), ("free", "free"), ("busy", "in use"), ("waited", "waited for")],
    )

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query)
        style_fields(self)
        self.fields["text"].label = "Name"
        self.fields["label"].widget.attrs["placeholder"] = "role=web"

    def apply(self, targets: QuerySet[Target]) -> QuerySet[Target]:
        """Return those of the targets that pass."""
        if text := self.value_of("text"):
            targets = targets.filter(name__icontains=text)
        if group := self.value_of("group"):
            targets = targets.filter(matching_query([GROUP + group]))
        if label := self.value_of("label"):
            targets = targets.filter(matching_query([LABEL + label]))
        claims = Claim.objects.filter(target=OuterRef("name"))
        state = {
            "free": ~Q(Exists(claims.filter(held=True))),
            "busy": Q(Exists(claims.filter(held=True))),
            "waited": Q(Exists(claims.filter(held=False))),
        }.get(self.value_of("state"))
        return targets if state is None else targets.filter(state)


@require_safe
@page
def targets(request: HttpRequest, principal: Principal) -> HttpResponse:
    """List the targets that somebody may see, with what works on them now."""
    visibility.require_act(principal, "view")
    filters = TargetFilters(request.GET)
    return show_list(
        request,
        "frontend/targets/list.html",
        filters.apply(visible_targets(principal)),
        filters,
        describe=lambda rows: _described(principal, rows),
        may_change=principal.user.is_staff,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def add_target(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Add a target."""
    visibility.require_staff(principal)
    return _edit(request, principal, Target(), title="Add a target", button="Add target")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def edit_target(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Change a target."""
    target = inventory.find_target(principal, number)
    return _edit(request, principal, target, title=f"Change {target.name}")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def retire_target(request: HttpRequest, principal: Principal, number: int) -> HttpResponse:
    """Take a target out of the inventory, once that is confirmed."""
    target = inventory.find_target(principal, number)

    def retire() -> str:
        inventory.retire_target(principal, number)
        return f"{target.name} was retired."

    use = inventory.uses_of([target.name]).get(target.name, TargetUse())
    words = ["No new job can name it. Its jobs and their history stay."]
    if use.holder:
        words.append(f"A job works on it now: {use.holder.title}.")
    if use.waiting:
        words.append(
            f"{use.waiting} more {'job waits' if use.waiting == 1 else 'jobs wait'} for it."
        )
    title = f"Retire {target.name}"
    return confirm(request, retire, to=LIST, crumb="Targets", title=title, words=words)


def _edit(request: HttpRequest, principal: Principal, target: Target, **words: Any) -> HttpResponse:
    done = f"{target.name} was changed." if target.pk else "The target was added."
    form = TargetForm(request.POST or None, instance=target)
    for name, text in EXAMPLES.items():
        form.fields[name].help_text = text
    form.fields["transport"].widget = forms.Select(choices=[(one, one) for one in TRANSPORTS])

    def save(valid: TargetForm) -> None:
        inventory.save_target(principal, valid.save(commit=False))

    return edit(request, form, save, to=LIST, done=done, crumb="Targets", **words)


def _described(principal: Principal, rows: list[Target]) -> list[dict[str, Any]]:
    """Return the rows with how they are used; a job or credential is named to who may see it."""
    uses = inventory.uses_of([row.name for row in rows])
    holders = [use.holder.pk for use in uses.values() if use.holder]
    seen = set(
        visibility.listed_jobs(principal).filter(pk__in=holders).values_list("pk", flat=True)
    )
    credentials = set(visible_credentials(principal).values_list("name", flat=True))
    described = []
    for row in rows:
        use = uses.get(row.name, TargetUse())
        credential = row.variables.get(VARIABLE) if row.transport == TRANSPORT else None
        described.append(
            {
                "target": row,
                "use": use,
                "job": use.holder if use.holder and use.holder.pk in seen else None,
                "credential": credential if credential in credentials else None,
            }
        )
    return described
