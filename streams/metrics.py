"""`GET /metrics`: this process's counters and the feed's lag for Prometheus, for staff."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from core.db import in_thread
from core.probes import process_metrics
from jobs import metrics as metrics_of_the_log
from streams.counters import counters
from streams.followers import access
from streams.transports.http import readable_view


@readable_view()
async def metrics(request: HttpRequest) -> HttpResponseBase:
    """Answer with every counter of this process, and how far the feed and its readers are."""
    await access.require_staff(request)
    text = generate_latest(counters) + generate_latest(process_metrics)
    text += await in_thread(metrics_of_the_log.text)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)
