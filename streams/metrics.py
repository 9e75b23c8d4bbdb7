"""`GET /metrics`: this process's counters and the feed's lag for Prometheus, for staff."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from core.db import in_thread
from jobs import metrics as metrics_of_the_log
from streams.counters import counters
from streams.followers import access
from streams.transports.http import readable_view

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@readable_view()
async def metrics(request: HttpRequest) -> HttpResponseBase:
    """Answer with every counter of this process, and how far the feed and its readers are."""
    await access.require_staff(request)
    text = counters.text() + await in_thread(metrics_of_the_log.text)
    return HttpResponse(text, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
