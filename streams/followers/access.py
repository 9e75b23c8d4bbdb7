"""Who follows: asked at the door, and for all together while their streams last.

All database work of a check happens in one visit to a thread, which gives its connection back: a
stream that lasts for minutes holds none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest, parse_cookie

from core.errors import NotFound, NotSignedIn, RepriseError
from core.ids import parse_id
from core.problems import explain
from jobs.access import refusals, tickets, visibility
from jobs.access.scopes import READ
from jobs.access.visibility import Principal
from streams.followers.registry import Follower, current_followers

Source = HttpRequest | Mapping[str, Any]
P = ParamSpec("P")
T = TypeVar("T")


def job_id(text: str) -> UUID:
    """Return the id that a path names; NotFound if it is not one."""
    try:
        return parse_id(text)
    except ValueError:
        raise NotFound from None


async def allow_reading(source: Source, job: UUID | None) -> Principal:
    """Let somebody read a job, or with None the feed of all jobs; return who it is.

    `source` is a Django request or a WebSocket's scope. Raises NotSignedIn, NotFound, and
    RetryLater while the database is away.
    """
    return await in_thread(_check_access, source, job)


async def admit_follower(source: Source, job: UUID | None, transport: str) -> Follower:
    """Let somebody follow a job, or with None the feed of all jobs.

    They are registered until the connection ends (`streams.followers.registry`); later messages
    reach them through the follower's notice. Raises what `allow` does, GoingDown and OverLimit.
    """
    seen = current_followers().check_capacity(settings.REPRISE)
    return register_reader(source, await allow_reading(source, job), job, transport, seen)


def register_reader(
    source: Source, reader: Principal, job: UUID | None, transport: str, seen: int
) -> Follower:
    """Make a follower of somebody who was let read; `seen` is `Followers.changes` of before that.

    Raises GoingDown and OverLimit.
    """
    follower = Follower(transport, reader, job)
    scope = getattr(source, "scope", {}) if isinstance(source, HttpRequest) else source
    current_followers().register(scope, follower, settings.REPRISE, seen)
    return follower


async def require_staff(source: Source) -> None:
    """Raise NotSignedIn, NotFound for people who are not staff, Forbidden for a token's scope."""
    principal = await in_thread(_identify_source, source)
    if not principal.user.is_staff:
        raise NotFound
    visibility.require_staff(principal, READ)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do database work in a thread; what it raises becomes one of the documented errors."""
    try:
        found: T = await database_sync_to_async(work, thread_sensitive=False)(*args, **kwargs)
    except Exception as error:
        raise explain(error) from error
    return found


def ticket_of(source: Source) -> str | None:
    """Return the `ticket` in the address; None if there is no such parameter.

    Where there is one, it decides, and no cookie counts, be the ticket good or not. Only an
    `Authorization` header goes before it.
    """
    if isinstance(source, HttpRequest):
        given = source.GET.getlist("ticket")
    else:
        query = parse_qs(source["query_string"].decode("latin-1"), keep_blank_values=True)
        given = query.get("ticket", [])
    return given[-1] if given else None


def _check_access(source: Source, job: UUID | None) -> Principal:
    try:
        return _find_reader(source, job)
    except RepriseError as error:
        if not isinstance(source, HttpRequest):  # what a request is answered, its middleware logs
            refusals.log_socket(_with_session(source), error)
        raise


def _find_reader(source: Source, job: UUID | None) -> Principal:
    ticket = ticket_of(source)
    if ticket is not None and visibility.bearer_token(source) is None:
        if job is None:
            raise NotSignedIn("A ticket is for one job, not for the feed of all.")
        return tickets.redeem_ticket(ticket, job)
    principal = _identify_source(source)
    if job is not None:
        visibility.job_for(principal, job)
    else:
        visibility.require_act(principal, "view")
        principal.visibility  # noqa: B018 - looked up here, in the thread, and kept
    return principal


def _identify_source(source: Source) -> Principal:
    if not isinstance(source, HttpRequest) and visibility.bearer_token(source) is None:
        source = _with_session(source)
    return visibility.authenticate(source)


def _with_session(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a scope with the session that its cookie names, and the session's user."""
    cookies = "; ".join(
        value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"
    )
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return {**scope, "session": session, "user": get_user.func({"session": session})}
