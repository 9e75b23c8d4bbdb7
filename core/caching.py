"""Answers that no cache may keep.

Nearly all that this service says depends on who asks and on when. A browser or a proxy that keeps a
redirect to the sign-in page, or a 404 from before a job was there, shows it to somebody signed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

View = Callable[[HttpRequest], Any]  # what it returns is awaited, or not


@sync_and_async_middleware
def never_stored(get_response: View) -> View:
    """Add `Cache-Control: no-store` to every answer that does not say how to keep it."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _marked(await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _marked(get_response(request))

    return answer


def _marked(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Cache-Control", "no-store")
    return response
