"""Each request has an id, which its lines in the log carry and its answer returns.

It is the client's or a proxy's own (`X-Request-ID`), else the trace of the W3C's `traceparent`,
else a new one. Nothing depends on it, so that anybody may choose one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core.log_context import add_fields, current_fields
from core.tracing import parse_traceparent, set_caller

HEADER = "X-Request-ID"
SCOPE = "reprise.request"
_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
View = Callable[[HttpRequest], Any]  # what it returns is awaited, or not


def request_id(scope: Scope) -> str:
    """Return the id of a request (an ASGI scope, which keeps it)."""
    if SCOPE not in scope:
        own = _header(scope, b"x-request-id")
        scope[SCOPE] = own if _ID.fullmatch(own) else _trace_id(scope) or uuid4().hex
    return str(scope[SCOPE])


def identify_requests(app: App) -> App:
    """Have what an ASGI application logs for a request carry its id, and its caller's trace."""

    async def run(scope: Scope, receive: Any, send: Any) -> None:
        if "headers" in scope:
            add_fields(request=request_id(scope))
            if trace := _trace_id(scope):
                add_fields(trace=trace)
                set_caller(_traceparent(scope))
        await app(scope, receive, send)

    return run


@sync_and_async_middleware
def return_id(get_response: View) -> View:
    """Add the request's id to its answer (a middleware, before all that may answer)."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return with_id(await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return with_id(get_response(request))

    return answer


def with_id(response: HttpResponseBase) -> HttpResponseBase:
    """Return an answer with the id of the request that is being answered, if there is one."""
    if known := current_fields().get("request"):
        response.headers[HEADER] = str(known)
    return response


def _trace_id(scope: Scope) -> str:
    return _traceparent(scope)[3:35]


def _traceparent(scope: Scope) -> str:
    return parse_traceparent(_header(scope, b"traceparent"))


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
