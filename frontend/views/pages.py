"""The jobs page, the new-job page and the job page; their elements ask the API for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from frontend.templatetags.reprise import kind_titles, kinds_for
from frontend.views.frame import page
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.api import shapes
from jobs.kinds import registry
from jobs.kinds.kind import AnyKind

# What the job page reads first, as `fetchTail` in history-pages.ts asks for it.
TAIL_EVENTS = 24


@require_safe
@page
def jobs(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show the live list of jobs."""
    context = {"kinds": kind_titles(principal), "may_submit": principal.has("submit_job")}
    return render(request, "frontend/jobs.html", context)


@require_safe
@page
def new_job(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show the kinds of job, or with `?kind=` that kind's form; `from=<job>` copies its params."""
    visibility.require_act(principal, "submit")
    kinds = kinds_for(principal.user)
    origin = request.GET.get("from", "")
    earlier = visibility.job_for(principal, origin) if origin else None
    name = request.GET.get("kind", "") or (earlier.kind if earlier else "")
    kind = next((kind for kind in kinds if kind.name == name), None)
    if name and kind is None:
        raise Http404(f"There is no kind of job called {name}.")
    copied = earlier.params if earlier and earlier.kind == name else {}
    texts = params_as_text(kind, copied) if kind else {}
    context = {"kinds": kinds, "kind": kind, "params": texts}
    return render(request, "frontend/new_job.html", context)


def params_as_text(kind: AnyKind, params: Mapping[str, Any]) -> dict[str, str]:
    """Return what a form begins with, by name: the JSON text of each of `params`, else its default.

    As text, since a browser's numbers would round some and its objects move members.
    """
    schema = kind.Params.model_json_schema()
    fields = resolved(schema).get("properties", {})
    defaults = {name: one["default"] for name, one in fields.items() if "default" in one}
    values = {**defaults, **params}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema itself where it is only a reference, as that of a recursive model."""
    found: Mapping[str, Any] = schema
    if reference := schema.get("$ref"):
        found = schema["$defs"][reference.removeprefix("#/$defs/")]
    return found


@require_safe
@page
def job(request: HttpRequest, principal: Principal, job_id: UUID) -> HttpResponse:
    """Show one job; NotFound (404) where it is not the reader's to see."""
    found = visibility.job_for(principal, job_id)
    kind = registry.find_kind(found.kind)
    is_open = kind is not None and visibility.is_open(principal, kind)
    context = {
        "job": found,
        "shape": shapes.job_json(principal, found),
        "kind_title": kind.title if kind else found.kind,
        "tail_after": max(0, found.head - TAIL_EVENTS),
        "tail_events": TAIL_EVENTS,
        "may_submit": is_open and principal.has("submit_job"),
    }
    return render(request, "frontend/job.html", context)
