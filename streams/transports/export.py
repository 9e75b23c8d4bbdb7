"""Exports: what the log has by now, a line each, for as long as that takes.

Whoever exports is a follower: limits, the check of access and the drain hold here too. An export
that may not go on is cut like one that the server cannot finish, so that nobody takes it for whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from core import problems
from core.errors import RepriseError
from core.negotiation import preferred_type
from streams import process
from streams.counters import counters
from streams.followers import access
from streams.followers.disconnect_notice import Notice
from streams.followers.registry import current_followers
from streams.transports import detached
from streams.transports.http import STREAM_HEADERS

EXPORT = "export"
# After a read, for each second that it took.
REST_SECONDS, MOST_REST_SECONDS = 3.0, 0.1
JSON, NDJSON = "application/json", "application/x-ndjson"

T = TypeVar("T")
View = Callable[..., HttpResponseBase]
AsyncView = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def is_asked(request: HttpRequest) -> bool:
    """Return whether a request prefers lines to a page."""
    return preferred_type(request, JSON, NDJSON) == NDJSON


def follow_exports(view: View, is_export: Callable[[HttpRequest], bool] = is_asked) -> AsyncView:
    """Make followers of those who export all jobs from a view; it streams what they asked for."""

    @wraps(view)
    async def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        call: AsyncView = sync_to_async(view)
        if request.method != "GET" or not is_export(request):
            return await call(request, *args, **kwargs)
        try:
            follower = await access.admit_follower(request, None, EXPORT)
        except RepriseError as error:
            return problems.response(error)
        await process.current_hub()  # it asks again whether they may
        made = await call(request, *args, **kwargs)
        if not isinstance(made, StreamingHttpResponse):
            return made
        kind = made.headers["Content-Type"]
        return response(request, aiter(made), follower.notice, "events", kind)

    return answer


def response(
    request: HttpRequest, lines: AsyncIterator[bytes], notice: Notice, name: str, kind: str = NDJSON
) -> HttpResponseBase:
    """Return the answer that has these lines, until there is a notice; it is saved as `name`."""
    extension = "csv" if kind.startswith("text/csv") else "ndjson"
    disposition = content_disposition_header(as_attachment=True, filename=f"{name}.{extension}")
    headers = {
        "Content-Type": kind, "Content-Disposition": str(disposition), **STREAM_HEADERS
    }  # fmt: skip
    return detached.detached_stream(request, _until_notice(lines, notice), headers)


async def _until_notice(lines: AsyncIterator[bytes], notice: Notice) -> AsyncGenerator[bytes, None]:
    while (block := await next_block(lines)) is not None:
        for at in range(0, len(block), detached.CHUNK_BYTES):
            notice.check()
            part = block[at : at + detached.CHUNK_BYTES]
            counters.sent(EXPORT, part.count(b"\n"), len(part))
            yield part


async def next_block(blocks: AsyncIterator[T]) -> T | None:
    """Return what is read next, None at the end, when it is this one's turn to read.

    There is a rest in each turn: exports always have more to read, and the process and its database
    have followers to serve.
    """
    time = asyncio.get_running_loop().time
    async with current_followers().export_turns:
        began = time()
        block = await anext(blocks, None)
        await asyncio.sleep(min((time() - began) * REST_SECONDS, MOST_REST_SECONDS))
    return block
