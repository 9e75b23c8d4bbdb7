"""What transports share: reading a cursor and numbers, refusing, HEAD and OPTIONS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from math import ceil
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from core import problems
from core.errors import BadParameter, RepriseError
from streams.followers.registry import current_followers
from streams.transports.resume import Resume, requested_cursor

logger = logging.getLogger(__name__)

METHODS = "GET, HEAD, OPTIONS"
# What a follower may ask for as its longest silence, in seconds.
HEARTBEAT_SECONDS = 1.0, 15.0
# How many heartbeats a second a process means to send, all together: who comes later gets fewer.
BEATS_A_SECOND = 500
# What keeps a stream whole on its way: nobody may store, hold, change or compress it.
STREAM_HEADERS = {
    "Cache-Control": "no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}

# With a ticket any page may read the answer: it shows no more than the ticket lets anybody see who
# has it, and no cookie counts beside one.
ELSEWHERE_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "Last-Event-ID, Cache-Control",
    "Access-Control-Expose-Headers": "Retry-After",
    "Access-Control-Max-Age": "600",
}

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponseBase]]
Refuse = Callable[[HttpRequest, RepriseError], HttpResponseBase]


def readable_view(
    refuse: Refuse = lambda request, error: problems.response(error),
) -> Callable[[View[P]], View[P]]:
    """Make a view one that only reads; an error it raises is answered by `refuse`."""

    def decorate(view: View[P]) -> View[P]:
        @csrf_exempt  # it changes nothing: other methods are told so, not asked for a CSRF token
        @wraps(view)
        async def answer(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if request.method == "OPTIONS":
                response: HttpResponseBase = HttpResponse(status=204, headers={"Allow": METHODS})
            elif request.method not in {"GET", "HEAD"}:
                response = problems.response(problems.MethodNotAllowed())
                response.headers["Allow"] = METHODS
            else:
                try:
                    response = await view(request, *args, **kwargs)
                except Exception as exc:  # noqa: BLE001 - the edge: logged, and answered
                    response = refuse(request, explain_error(request.path, exc))
            if "ticket" in request.GET:
                for name, value in ELSEWHERE_HEADERS.items():
                    response.headers[name] = value
            return response

        return answer

    return decorate


def asked_resume(request: HttpRequest) -> Resume:
    """Return from where a request wants to follow. Raises BadCursor."""
    header = request.headers.get("Last-Event-ID")
    return Resume.parse(requested_cursor(header, dict(request.GET.lists())))


def number_parameter(
    request: HttpRequest, name: str, default: float, low: float, high: float
) -> float:
    """Return the query parameter as a number from `low` to `high`; BadParameter for any other."""
    return number_in(request.GET.get(name), name, default, low, high)


def number_in(text: str | None, name: str, default: float, low: float, high: float) -> float:
    """Return a parameter that stands as `text`, as `number` does."""
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise BadParameter(name, f"{name} is a number from {low:g} to {high:g}.")
    return value


def granted_interval(asked: str | None, own: float) -> float:
    """Return how long a silence may be for a follower who asks for `heartbeat_s`, or for nothing.

    `own` is the server's: as often it comes in any case. Raises BadParameter.
    """
    if asked is None:
        return own
    seconds = number_in(asked, "heartbeat_s", own, *HEARTBEAT_SECONDS)
    affordable = ceil(10 * len(current_followers()) / BEATS_A_SECOND) / 10
    return min(max(seconds, affordable), own)


def whole_parameter(request: HttpRequest, name: str, default: int, low: int, high: int) -> int:
    """Return the query parameter as a whole number from `low` to `high`; else BadParameter."""
    value = number_parameter(request, name, default, low, high)
    if value != int(value):
        raise BadParameter(name, f"{name} is a whole number.")
    return int(value)


def explain_error(path: str, exc: Exception) -> RepriseError:
    """Return which error to answer an exception with; log what is none that is expected."""
    error = problems.explain(exc)
    if error.status >= 500 and error.retry_after_s is None:
        logger.error("%s failed", path, exc_info=exc, extra={"action": "stream"})
    return error
