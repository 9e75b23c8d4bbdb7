"""`/webhooks`: what is told to whom, how far the feed's readers are, what fails; for staff."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from core.errors import storable_text
from frontend.views.editing import finish
from frontend.views.frame import page
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.commands.feed_readers import switch_consumer
from jobs.feed import consumers
from jobs.feed.webhooks import STATUSES
from jobs.models import Duty, Schedule

MOST_SCHEDULES = 50


@require_safe
@page
def webhooks(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Show the webhook, the consumers of the feed, the sweeper's duties and failing schedules."""
    visibility.require_staff(principal)
    config = settings.REPRISE
    failing = Schedule.objects.filter(enabled=True, failures__gt=0)
    context: dict[str, Any] = {
        "receiver": _shown_address(config.webhook_url) if config.webhook_url else "",
        "is_signed": bool(config.webhook_secret),
        "told": sorted(set(STATUSES.values())),
        "consumers": consumers.consumer_status(),
        "duties": Duty.objects.order_by("name"),
        "failing": failing[:MOST_SCHEDULES],
    }
    return render(request, "frontend/webhooks/list.html", context)


@require_POST
@page
def switch(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Pause a consumer, or let it go on."""
    name, on = storable_text(request.POST.get("name", ""))[:200], request.POST.get("enabled") == "1"
    switch_consumer(principal, name, on=on)
    return finish(request, f"{name} {'goes on' if on else 'is paused'}.", "/webhooks")


def _shown_address(url: str) -> str:
    """Return an address without what may be secret in it: a password, a path, a query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{port}/…"
