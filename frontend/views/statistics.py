"""A kind in figures, and a target's story; complete without JavaScript."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.ids import parse_id
from frontend.templatetags.reprise import kind_titles
from frontend.views.frame import page
from jobs.access.visibility import Principal
from jobs.statistics import targets
from jobs.statistics.kinds import MOST_DAYS, PERIODS, kind_figures

PAGE_SIZE = 50
DEFAULT_DAYS = 30


@require_safe
@page
def kind(request: HttpRequest, principal: Principal, name: str) -> HttpResponse:
    """Show a kind in figures, of the jobs that the reader may see."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else DEFAULT_DAYS
    found = kind_figures(principal, name, days)
    context = {
        "figures": found,
        "title": kind_titles(principal).get(name, name),
        "periods": PERIODS,
        "unit": "Day" if days <= MOST_DAYS else "Week",
        "data": [{**asdict(one), "start": one.start.isoformat()} for one in found.durations],
    }
    return render(request, "frontend/kind.html", context)


@require_safe
@page
def target(request: HttpRequest, principal: Principal, name: str) -> HttpResponse:
    """Show what works on a target, who waits for it, and the jobs that touched it."""
    inventory = targets.find_target(principal, name)
    runs, after = targets.target_runs(principal, name, _before(request), PAGE_SIZE)
    context = {
        "name": name,
        "inventory": inventory,
        "use": targets.target_use(principal, name),
        "figures": targets.target_figures(principal, name),
        "runs": runs,
        "titles": kind_titles(principal),
        "older": after,
        "is_older": _before(request) is not None,
        "may_change": inventory is not None and principal.user.is_staff,
    }
    return render(request, "frontend/target.html", context)


def _before(request: HttpRequest) -> UUID | None:
    try:
        return parse_id(request.GET.get("before", ""))
    except ValueError:
        return None
