"""The sessions that people have: for how long, which ones, and how they are ended.

A session ends when nobody has used it for REPRISE_SESSION_IDLE_HOURS, and in any case
REPRISE_SESSION_MAX_HOURS after its sign-in. Both are asked whenever it is loaded, and for all
followers once a minute (`jobs.access.revalidate`), which counts as use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from core import clock
from core.errors import storable_text
from core.proxies import client_address
from jobs.events import EventType
from jobs.models import UserSession
from jobs.system_log import record

# What a session says of the sign-in that made it: `at`, `address`, `agent`.
SIGN_IN = "sign_in"
SEEN_EVERY = timedelta(minutes=1)
MAX_AGENT = 300


def connect_signals() -> None:
    """Have a session know its sign-in; to be called once, when the app is ready."""
    user_logged_in.connect(_remember_sign_in)


def live_sessions() -> QuerySet[UserSession]:
    """Return the sessions that neither limit has ended."""
    now, config = clock.now(), settings.REPRISE
    return UserSession.objects.filter(
        seen_at__gt=now - timedelta(hours=config.session_idle_hours),
        made_at__gt=now - timedelta(hours=config.session_max_hours),
    )


def latest_end(session: UserSession) -> datetime:
    """Return when a session ends, however much it is used."""
    return session.made_at + timedelta(hours=settings.REPRISE.session_max_hours)


def note_use(used: Iterable[UserSession]) -> None:
    """Set `seen_at` of those for which that was not done within the last minute."""
    now = clock.now()
    stale = [one.session_key for one in used if one.seen_at <= now - SEEN_EVERY]
    if stale:
        rows = UserSession.objects.filter(pk__in=stale, seen_at__lte=now - SEEN_EVERY)
        rows.update(seen_at=now)


def load_sessions(keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what the sessions that live say, by what they are stored under; they count as used."""
    if not keys:
        return {}
    found = list(live_sessions().filter(session_key__in=keys))
    note_use(found)
    return {one.session_key: one.get_decoded() for one in found}


def is_session_of(session: Mapping[str, Any], user: User) -> bool:
    """Return whether a session is one of this user's, as `django.contrib.auth.get_user` does.

    A changed password ends it, by the hash that it has of the old one.
    """
    if session.get(auth.SESSION_KEY) != str(user.pk):
        return False
    if session.get(auth.BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    given = session.get(auth.HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(given, value) for value in hashes)


def sessions_of(user: User) -> list[UserSession]:
    """Return the sessions in which somebody is signed in, the last used first."""
    mine = live_sessions().filter(user=user).order_by("-seen_at", "pk")
    return [one for one in mine if is_session_of(one.get_decoded(), user)]


def end_sessions(user: User, chosen: Iterable[UserSession]) -> int:
    """End sessions of a user, at once and for their streams too; return how many."""
    with transaction.atomic():
        ended = [one for one in chosen if one.user_id == user.pk]
        for one in ended:  # one by one: a deletion of all at once would tell nobody
            before = {"address": one.address, "since": clock.rfc3339(one.made_at)}
            name = f"{user.get_username()}/{one.short_id}"
            record(EventType.SYSTEM_REMOVED, object="session", name=name, before=before)
            one.delete()
    return len(ended)


def forget_ended() -> int:
    """Delete the rows of sessions that have ended; return how many."""
    ended = UserSession.objects.exclude(pk__in=live_sessions().values("pk"))
    return ended.delete()[0]


def _remember_sign_in(request: HttpRequest | None, **_: Any) -> None:
    if request is None or not hasattr(request, "session"):
        return
    agent = storable_text(request.META.get("HTTP_USER_AGENT", ""))[:MAX_AGENT]
    request.session[SIGN_IN] = {
        "at": clock.rfc3339(clock.now()),
        "address": client_address(request),
        "agent": agent,
    }
