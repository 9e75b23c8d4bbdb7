"""`GET /metrics`: this process's counters for Prometheus, for staff."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from streams import access
from streams.answers import readable
from streams.counters import counters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@readable()
async def metrics(request: HttpRequest) -> HttpResponseBase:
    """Answer with every counter of this process."""
    await access.staff(request)
    return HttpResponse(
        counters.text(), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"}
    )
