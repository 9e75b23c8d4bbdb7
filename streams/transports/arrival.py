"""`GET /api/jobs/doctor/stream`: tells `reprise-admin doctor` how its request arrived.

The answer has the form and headers of any stream here, and ends three seconds after it has begun: a
proxy that holds streams delivers both at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.arrival import HOLD_SECONDS, Arrival, describe_arrival, is_proven
from core.errors import NotFound
from streams import wire
from streams.transports.compression import EVENT_STREAM, compressed_stream
from streams.transports.http import STREAM_HEADERS, readable_view


@readable_view()
async def arrival(request: HttpRequest) -> HttpResponseBase:
    """Answer who has the installation's key; 404 for everybody else."""
    if not is_proven(request):
        raise NotFound
    headers = {"Content-Type": f"{EVENT_STREAM}; charset=utf-8", **STREAM_HEADERS}
    return compressed_stream(request, _messages(describe_arrival(request)), headers)


async def _messages(found: Arrival) -> AsyncGenerator[bytes, None]:
    yield wire.sse_preface() + f"data: {json.dumps(asdict(found))}\n\n".encode()
    await asyncio.sleep(HOLD_SECONDS)
    yield b"event: end\ndata: {}\n\n"
