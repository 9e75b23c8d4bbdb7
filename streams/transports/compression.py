"""Event streams in gzip, for clients that accept it (`Accept-Encoding`; every browser does)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.negotiation import IDENTITY, preferred_coding
from streams.deflate import GzipStream, SharedDeflate
from streams.transports import detached

EVENT_STREAM, GZIP = "text/event-stream", "gzip"
_shared = SharedDeflate()


def compressed_stream(
    request: HttpRequest, parts: AsyncGenerator[bytes, None], headers: Mapping[str, str]
) -> HttpResponseBase:
    """Return a stream of `parts` as they come; an event stream in gzip if the request accepts it.

    Octets stay as they are: who asks for them has something on the way that looks into streams.
    """
    is_event_stream = headers["Content-Type"].startswith(EVENT_STREAM)
    wanted = settings.REPRISE.compress_streams and preferred_coding(request, GZIP, IDENTITY) == GZIP
    if not (is_event_stream and wanted):
        return detached.detached_stream(request, parts, headers)
    own = {"Content-Encoding": GZIP, "Vary": "Accept-Encoding"}
    encoder = GzipStream(_shared)
    return detached.detached_stream(request, parts, {**headers, **own}, encoder)
