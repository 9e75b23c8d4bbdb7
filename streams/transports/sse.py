"""`GET /api/jobs/<id>/stream?after=<cursor>`: a subscription written as server-sent events.

The same bytes go out as `application/octet-stream` to who accepts that: some content filters hold
`text/event-stream` back. An answer ends after about a minute, and the client comes back with its
cursor: what holds whole answers passes one that is finite.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from core import problems
from core.errors import RepriseError
from core.negotiation import preferred_type
from streams import process, wire
from streams.followers import access
from streams.hub.hub import Hub
from streams.hub.subscription import Subscription
from streams.transports.compression import EVENT_STREAM, compressed_stream
from streams.transports.http import (
    STREAM_HEADERS,
    asked_resume,
    granted_interval,
    number_parameter,
    readable_view,
)

OCTET_STREAM = "application/octet-stream"


def _refuse_request(request: HttpRequest, error: RepriseError) -> HttpResponseBase:
    """Refuse for good by the status; what may be tried again by a 200, so that it is."""
    if error.retry_after_s is None:
        return problems.response(error)
    body = wire.sse_preface() + wire.sse_text(wire.Refusal(error))
    return HttpResponse(body, headers={"Content-Type": _response_type(request)} | STREAM_HEADERS)


@readable_view(_refuse_request)
async def stream(request: HttpRequest, job: str) -> HttpResponseBase:
    """Follow a job; 204 for who comes back with the id of `end`."""
    job_id = access.job_id(job)
    follower = await access.admit_follower(request, job_id, "sse")
    resume = asked_resume(request)
    if resume.ended:
        return HttpResponse(status=204)
    cursor = resume.cursor
    rotate = settings.REPRISE.rotate_seconds
    rotate_s = number_parameter(request, "rotate_s", rotate, 0, 86400)
    hub = await process.current_hub()
    heartbeat_s = granted_interval(request.GET.get("heartbeat_s"), hub.heartbeat_seconds)
    head = await hub.check(job_id, cursor)
    headers = {"Content-Type": _response_type(request), **STREAM_HEADERS}
    subscription = Subscription(
        hub, job_id, cursor, head, notice=follower.notice,
        rotate_s=min(rotate, rotate_s) * random.uniform(0.8, 1),  # noqa: S311 - jitter
        heartbeat_s=heartbeat_s,
    )  # fmt: skip
    return compressed_stream(request, _stream_messages(hub, subscription), headers)


def _response_type(request: HttpRequest) -> str:
    octets = preferred_type(request, EVENT_STREAM, OCTET_STREAM) == OCTET_STREAM
    return OCTET_STREAM if octets else f"{EVENT_STREAM}; charset=utf-8"


async def _stream_messages(hub: Hub, subscription: Subscription) -> AsyncGenerator[bytes, None]:
    preface = wire.sse_preface()
    try:
        async with aclosing(subscription.items()) as items:
            async for item in items:
                said = wire.sse_text(item)
                yield (
                    preface + said if preface else said
                )  # shared as it is, which compression needs
                preface = b""
                if isinstance(item, wire.Events):
                    hub.counters.sent("sse", len(item), len(said))
    except RepriseError as error:
        yield wire.sse_text(wire.Refusal(error))
