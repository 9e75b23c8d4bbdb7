"""Event streams in gzip, for clients that accept it (`Accept-Encoding`; every browser does)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.negotiation import IDENTITY, preferred_coding
from streams.deflate import GzipStream, SharedDeflate
from streams.transports import detached

EVENT_STREAM, GZIP = "text/event-stream", "gzip"
# What requests, urllib3 and httpx send by themselves, whether or not their caller reads raw bytes.
_BY_ITSELF = re.compile(r"gzip, deflate(, br)?(, zstd)?")
_shared = SharedDeflate()


def compressed_stream(
    request: HttpRequest, parts: AsyncGenerator[bytes, None], headers: Mapping[str, str]
) -> HttpResponseBase:
    """Return a stream of `parts` as they come; an event stream in gzip if the request accepts it.

    Octets stay as they are: who asks for them has something on the way that looks into streams.
    """
    is_event_stream = headers["Content-Type"].startswith(EVENT_STREAM)
    if not (is_event_stream and settings.REPRISE.compress_streams and _is_wanted(request)):
        return detached.detached_stream(request, parts, headers)
    own = {"Content-Encoding": GZIP, "Vary": "Accept-Encoding"}
    encoder = GzipStream(_shared)
    return detached.detached_stream(request, parts, {**headers, **own}, encoder)


def _is_wanted(request: HttpRequest) -> bool:
    """Return whether the request asks for gzip, or is a browser's, which reads it in any case.

    What a library adds by itself is no wish: clients from before streams were compressed get the
    bytes that they got then.
    """
    is_browser = request.headers.get("User-Agent", "").startswith("Mozilla/")
    if _BY_ITSELF.fullmatch(request.headers.get("Accept-Encoding", "")) and not is_browser:
        return False
    return preferred_coding(request, GZIP, IDENTITY) == GZIP
