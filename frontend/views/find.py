"""`/find`: jobs, targets, kinds and pages by a text; the command palette asks for it as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from core.negotiation import preferred_type
from core.terminal import plain_text, reveal
from frontend.navigation import places_for
from frontend.templatetags.reprise import kinds_for
from frontend.views.editing import style_fields
from frontend.views.frame import page
from jobs.access.run_rights import known_kinds
from jobs.access.visibility import Principal
from jobs.access.visible_targets import visible_targets
from jobs.api.listing import JobFilters, list_jobs

MOST = 8
HTML, JSON = "text/html", "application/json"


class FindForm(forms.Form):
    """What to look for; a text that cannot be is nothing."""

    q = forms.CharField(required=False, max_length=200, label="Find")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: what it is called, what tells it apart, where it is."""

    label: str
    detail: str
    address: str


@require_safe
@page
def find(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show what fits a text, or say it as JSON where that is preferred."""
    form = FindForm(request.GET)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    groups = {name: list(hits) for name, hits in _search(principal, text).items()}
    if preferred_type(request, HTML, JSON) == JSON:
        return JsonResponse({"groups": [_group_json(*one) for one in groups.items() if one[1]]})
    style_fields(form)
    found = {name: hits for name, hits in groups.items() if hits}
    return render(request, "frontend/find.html", {"form": form, "text": text, "groups": found})


def _search(principal: Principal, text: str) -> dict[str, Iterable[Hit]]:
    return {
        "Pages and acts": _acts(principal, text),
        "Jobs": _jobs(principal, text),
        "Targets": _targets(principal, text),
        "Kinds": _kinds(principal, text),
    }


def _acts(principal: Principal, text: str) -> list[Hit]:
    acts = [Hit(place.title, "page", place.address) for place in places_for(principal)]
    acts += [Hit("Tokens and sessions", "page", "/account"), Hit("Help", "page", "/help")]
    if principal.has("submit_job"):
        for kind in kinds_for(principal.user):
            address = f"/jobs/new?kind={quote(kind.name)}"
            acts.append(Hit(f"New job: {kind.title}", kind.name, address))
    fitting = [act for act in acts if text.lower() in f"{act.label} {act.detail}".lower()]
    return fitting[:MOST]


def _jobs(principal: Principal, text: str) -> list[Hit]:
    if not principal.has("view_job"):
        return []
    wanted = JobFilters.model_validate({"text": text or None, "brief": True, "limit": MOST})
    found, _next = list_jobs(principal, wanted)
    return [
        Hit(reveal(plain_text(job.title)), str(job.status), reverse("job", args=[job.pk]))
        for job in found
    ]


def _targets(principal: Principal, text: str) -> list[Hit]:
    if not text:
        return []
    found = visible_targets(principal).filter(name__icontains=text)[:MOST]
    return [Hit(one.name, one.group, f"/targets/{quote(one.name, safe='')}") for one in found]


def _kinds(principal: Principal, text: str) -> list[Hit]:
    if not (text and principal.has("view_job")):
        return []
    return [
        Hit(kind.title, kind.name, reverse("kind", args=[kind.name]))
        for kind in known_kinds(principal)
        if text.lower() in f"{kind.title} {kind.name}".lower()
    ][:MOST]


def _group_json(title: str, hits: list[Hit]) -> dict[str, Any]:
    return {"title": title, "hits": [asdict(hit) for hit in hits]}
