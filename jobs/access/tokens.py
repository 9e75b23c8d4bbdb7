"""API tokens: made once, shown once, kept as their SHA-256.

A raw token is `rp_` and 43 URL-safe characters (256 random bits), so a plain hash is enough: there
is nothing to guess, hence nothing to stretch, and a lookup is one index probe.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from core import clock
from core.errors import InvalidParams, NotSignedIn
from core.terminal import hidden_words
from jobs.models import MAX_ACTOR, ApiToken

MARK = "rp_"
PREFIX_CHARACTERS = 10
MAX_NAME_CHARACTERS = 100
LONGEST = timedelta(days=3653)
LAST_USED_EVERY = timedelta(minutes=1)


def make_token(
    user: User, name: str, *, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token for `user`; return its row and the raw text, which is nowhere kept.

    `name` is unique per user (it is in the actor of everything done with the token), a revoked
    token's included. Raises InvalidParams, pointing at `/name` or `/expires_at`.
    """
    name = name.strip()
    words = hidden_words(name)
    if words or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        detail = words or f"A name has 1 to {MAX_NAME_CHARACTERS} characters."
        raise InvalidParams([{"pointer": "/name", "detail": detail}])
    room = MAX_ACTOR - len(actor_of(user, ""))
    if len(name) > room:
        detail = f"A name has at most {room} characters, with a user name as long as yours."
        raise InvalidParams([{"pointer": "/name", "detail": detail}])
    if expires_at is not None and not clock.now() < expires_at < clock.now() + LONGEST:
        detail = "A token expires within ten years. Leave this out for one that does not expire."
        raise InvalidParams([{"pointer": "/expires_at", "detail": detail}])
    raw = MARK + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name,
        prefix=raw[:PREFIX_CHARACTERS],
        hash=hash_of(raw),
        expires_at=expires_at,
    )
    try:
        with transaction.atomic():
            token.save()
    except IntegrityError as error:
        detail = f"There is, or was, a token called {name}: choose another name."
        raise InvalidParams([{"pointer": "/name", "detail": detail}]) from error
    return token, raw


def actor_of(user: User, name: str) -> str:
    """Return what events call somebody who uses a token of this name."""
    return f"token:{user.get_username()}/{name}"


def hash_of(raw: str) -> str:
    """Return the 64 hex digits under which a raw token is kept."""
    return hashlib.sha256(raw.encode("utf-8", "replace")).hexdigest()


def verify_token(raw: str) -> ApiToken:
    """Return the token that `raw` is, its user loaded, and note that it was used.

    Raises NotSignedIn for one that is unknown, expired, revoked or of an inactive user; never says
    which, since the caller has proved nothing.
    """
    token = ApiToken.objects.select_related("user").filter(hash=hash_of(raw)).first()
    if token is None or not is_valid(token):
        raise NotSignedIn("The token is not valid: it is unknown, has expired or was revoked.")
    _note_use(token)
    return token


def is_valid(token: ApiToken) -> bool:
    """Return whether the token lets its user in now."""
    fresh = token.expires_at is None or token.expires_at > clock.now()
    return fresh and token.revoked_at is None and token.user.is_active


def revoke_tokens(tokens: QuerySet[ApiToken]) -> int:
    """Revoke those of the tokens that are not yet; return how many that were."""
    with transaction.atomic():
        chosen = list(tokens.filter(revoked_at=None).select_for_update(of=("self",)).order_by("pk"))
        for token in chosen:  # one by one: an update of all at once would tell nobody
            token.revoked_at = clock.now()
            token.save(update_fields=["revoked_at"])
    return len(chosen)


def _note_use(token: ApiToken) -> None:
    """Set `last_used_at`, at most once a minute: a use must not cost a write each."""
    now = clock.now()
    if token.last_used_at is not None and token.last_used_at > now - LAST_USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
