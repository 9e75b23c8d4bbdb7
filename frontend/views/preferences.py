"""How a browser shows the pages (`/preferences`), and what helps to read them (`/help`)."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from frontend.templatetags.reprise import THEME, THEMES
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


@require_POST
@page
def preferences(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Keep the theme in a cookie, and lead back."""
    theme, back = request.POST.get("theme", ""), request.POST.get("next", "")
    hosts, secure = {request.get_host()}, request.is_secure()
    safe = url_has_allowed_host_and_scheme(back, hosts, secure) and back.isprintable()
    answer = redirect(back if safe else "/")
    if theme in THEMES:
        answer.set_cookie(
            THEME, theme, max_age=KEPT, httponly=True, samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip
    else:
        answer.delete_cookie(THEME, samesite="Lax")
    return answer


@require_safe
@page
def show_help(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show what the signs mean, which keys there are, and where things are."""
    return render(request, "frontend/help.html", {"statuses": STATUSES})
