"""Who changes something: the person or token of a request, else the account of the process."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from jobs.models import MAX_ACTOR

ANONYMOUS = "anonymous"
View = Callable[[HttpRequest], Any]

_asked: ContextVar[Callable[[], str] | None] = ContextVar("jobs.system_log.actor", default=None)


def current_actor() -> str:
    """Return what events call who acts now: `user:ann`, `token:ann/ci`, `system:root@host`.

    The last is the account that runs this process, for commands, the shell and the sweeper.
    """
    ask = _asked.get() or _process_actor
    return ask()[:MAX_ACTOR]


@contextmanager
def acting_as(actor: str | Callable[[], str]) -> Iterator[None]:
    """Let what changes meanwhile be this actor's; a function is asked at each change."""
    token = _asked.set(actor if callable(actor) else lambda: actor)
    try:
        yield
    finally:
        _asked.reset(token)


@sync_and_async_middleware
def actor_of_request(get_response: View) -> View:
    """Let what a request changes be its sender's (a middleware, behind authentication)."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            with acting_as(partial(_request_actor, request)):
                found: Awaitable[HttpResponseBase] = get_response(request)
                return await found

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        with acting_as(partial(_request_actor, request)):
            response: HttpResponseBase = get_response(request)
            return response

    return answer


def _request_actor(request: HttpRequest) -> str:
    principal = getattr(request, "auth", None)  # of an API call, once it has proved who sends it
    if principal is not None:
        return str(principal.actor)
    name = request.user.get_username() if request.user.is_authenticated else ""
    return f"user:{name}" if name else ANONYMOUS


@cache
def _process_actor() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as containers have
        name = str(os.getuid())
    return f"system:{name}@{socket.gethostname()}"
