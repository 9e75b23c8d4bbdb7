"""How a browser shows the pages (`/preferences`), and what helps to read them (`/help`)."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from frontend.templatetags.reprise import THEME, THEMES, ZONE, known_zones
from frontend.views.frame import page
from jobs.access.visibility import Principal

KEPT = timedelta(days=365)
STATUSES = {
    "queued": "It waits for a worker.",
    "running": "A worker runs it.",
    "waiting": "It waits for a target, a moment, or somebody’s answer.",
    "paused": "Somebody paused it: it goes on when it is resumed.",
    "cancelling": "It stops between two steps.",
    "succeeded": "All went well.",
    "failed": "Something went wrong: its last event says what.",
    "cancelled": "Somebody stopped it.",
    "skipped": "A step that was not needed.",
    "rolled-back": "A target was put back as it was.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def preferences(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show what a browser keeps of how pages are shown; by POST keep the theme or the zone."""
    if request.method != "POST":
        zones = sorted(known_zones())
        return render(request, "frontend/preferences.html", {"zones": zones})
    hosts, back = {request.get_host()}, request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, hosts, request.is_secure()) and back.isprintable()
    answer = redirect(back if safe else "/")
    for name, cookie, known in (("theme", THEME, THEMES), ("zone", ZONE, known_zones())):
        if name in request.POST:
            _keep(answer, cookie, request.POST[name] if request.POST[name] in known else "")
    return answer


def _keep(answer: HttpResponse, cookie: str, value: str) -> None:
    if value:
        answer.set_cookie(
            cookie, value, max_age=KEPT, httponly=True, samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip
    else:
        answer.delete_cookie(cookie, samesite="Lax")


@require_safe
@page
def show_help(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show what the signs mean, which keys there are, and where things are."""
    return render(request, "frontend/help.html", {"statuses": STATUSES})
