"""Sessions that somebody has by single sign-on: begun, renewed, and ended with what follows.

Each has a row with the provider's tokens, encrypted. The session names its row, and counts only
while the row is there. So whoever ends it deletes the row: at once all pages, calls and tickets of
that session are refused, and its streams are told.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from core import clock
from core.sessions import hash_session_key
from jobs.access.sessions import live_sessions
from jobs.access.sso.provider import Grant
from jobs.events import EventType
from jobs.models import ProviderSession, UserSession
from jobs.secrets import keys
from jobs.secrets.keys import SecretUnreadable
from jobs.system_log import acting_as, record

MARK = "provider_session"
"""The key in a session's data under which it names its row."""

CONTEXT = b"provider session"
MAX_SESSION_NAME = 255

Data = Mapping[str, Any]


def begin_session(data: Any, key: str, account: SocialAccount, grant: Grant) -> None:
    """Note that a session (its data and key) is by single sign-on, with this grant."""
    now = clock.now()
    row = ProviderSession(
        id=uuid4(), account=account, session=hash_session_key(key), confirmed_at=now,
        provider_session=str(grant.claims.get("sid") or "")[:MAX_SESSION_NAME],
        check_at=now + timedelta(seconds=settings.REPRISE.oidc_check_seconds),
    )  # fmt: skip
    seal_tokens(row, grant)
    row.save()
    data[MARK] = row.pk.hex


def note_new_key(data: Any, key: str) -> None:
    """Note that a session, perhaps by single sign-on, has another key from now on."""
    named = row_id(data)
    if named is not None:
        ProviderSession.objects.filter(pk=named).update(session=hash_session_key(key))


def row_id(data: Data) -> UUID | None:
    """Return the row that a session's data names; None for a session by other means."""
    named = data.get(MARK)
    return UUID(named) if isinstance(named, str) else None


def rows_there(ids: Collection[UUID]) -> set[UUID]:
    """Return which of the rows are there: those of sessions that have not been ended."""
    if not ids:
        return set()
    return set(ProviderSession.objects.filter(pk__in=ids).values_list("pk", flat=True))


def end_sessions(rows: Iterable[ProviderSession], reason: str) -> None:
    """End sessions, saying why in the system's own log, and tell their streams."""
    for row in rows:
        user = row.account.user
        with transaction.atomic(), acting_as("system:single-sign-on"):
            deleted, _ = ProviderSession.objects.filter(pk=row.pk).delete()
            if not deleted:
                continue  # ended meanwhile by somebody else
            UserSession.objects.filter(session_key=row.session).delete()
            record(EventType.SYSTEM_SIGNED_OUT, user=user.get_username(), reason=reason)


def live_rows() -> QuerySet[ProviderSession]:
    """Return the rows whose session has neither been ended nor expired."""
    sessions = live_sessions().filter(session_key=OuterRef("session"))
    return ProviderSession.objects.filter(Exists(sessions))


def forget_ended() -> int:
    """Delete the rows of sessions that are gone; return how many."""
    live = live_rows().values("pk")
    return ProviderSession.objects.exclude(pk__in=live).delete()[0]


def seal_tokens(row: ProviderSession, grant: Grant) -> None:
    """Put a grant's tokens into a row, encrypted for it alone. Raises KeysUnusable."""
    key = keys.newest_key()
    said = json.dumps({"refresh": grant.refresh_token, "id": grant.id_token})
    row.key_id, row.tokens = key.id, key.seal(said, CONTEXT + row.pk.bytes)


def by_key() -> dict[str, int]:
    """Return how many rows there are under each key of secrets, by its id."""
    found = ProviderSession.objects.values_list("key_id").annotate(Count("pk")).order_by("key_id")
    return dict(found)


def rotate_keys() -> int:
    """Encrypt the tokens of all rows under the newest key; return how many were not."""
    newest = keys.newest_key()
    with transaction.atomic():
        rows = list(ProviderSession.objects.select_for_update().exclude(key_id=newest.id))
        for row in rows:
            tokens = json.dumps(open_tokens(row))
            row.key_id, row.tokens = newest.id, newest.seal(tokens, CONTEXT + row.pk.bytes)
            row.save(update_fields=["key_id", "tokens"])
    return len(rows)


def open_tokens(row: ProviderSession) -> dict[str, str]:
    """Return a row's tokens, `refresh` and `id`. Raises SecretUnreadable and KeysUnusable."""
    key = keys.by_id(row.key_id)
    try:
        if key is None:
            raise ValueError("its key is not on this machine")
        found: dict[str, str] = json.loads(key.open(bytes(row.tokens), CONTEXT + row.pk.bytes))
    except ValueError as error:
        raise SecretUnreadable(f"The provider's tokens cannot be read: {error}.") from error
    return found
