"""TRACE, which would show a caller its own headers, is answered at no address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core.problems import MethodNotAllowed, response

View = Callable[[HttpRequest], Any]  # what it returns is awaited, or not


@sync_and_async_middleware
def without_trace(get_response: View) -> View:
    """Answer TRACE with 405 before any view: some take a method that they do not know for GET."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _refusal(request) or await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or get_response(request)

    return answer


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    return response(MethodNotAllowed()) if request.method == "TRACE" else None
