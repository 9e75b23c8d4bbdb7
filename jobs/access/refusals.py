"""What was refused to whom, as lines of the process's log: who tries doors is seen there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from core.db import in_thread
from core.errors import RepriseError
from core.proxies import client_address
from jobs.access import visibility

logger = logging.getLogger(__name__)

# 404 as well: it is the answer about what somebody may not see.
REFUSALS = frozenset({401, 403, 404})
ANONYMOUS = "anonymous"

View = Callable[[HttpRequest], Any]  # what it returns is awaited, or not


@sync_and_async_middleware
def log_refusals(get_response: View) -> View:
    """Log every answer that refuses a request (a middleware, behind sessions)."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(request)
            if response.status_code in REFUSALS:
                await in_thread(_log_request, request, response.status_code)
            return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        if response.status_code in REFUSALS:
            _log_request(request, response.status_code)
        return response

    return answer


def log_socket(scope: Mapping[str, Any], error: RepriseError) -> None:
    """Log that a WebSocket was refused; `scope` has the session's user, if any."""
    address = (scope.get("client") or ("",))[0]
    _log_refusal("WebSocket", scope["path"], error.status, _actor_of(scope), address)


def _log_request(request: HttpRequest, status: int) -> None:
    address = client_address(request)
    _log_refusal(str(request.method), request.path, status, _actor_of(request), address)


def _log_refusal(method: str, path: str, status: int, actor: str, address: str) -> None:
    logger.warning(
        "%s %s refused with %d to %s from %s", method, path, status, actor, address,
        extra={"action": "refused"},
    )  # fmt: skip


def _actor_of(source: HttpRequest | Mapping[str, Any]) -> str:
    try:
        return visibility.authenticate(source).actor
    except RepriseError:
        return ANONYMOUS
