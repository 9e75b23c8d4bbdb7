"""API tokens: made once, shown once, kept as their SHA-256.

A raw token is `rp_` and 43 URL-safe characters (256 random bits), so a plain hash is enough: there
is nothing to guess, hence nothing to stretch, and a lookup is one index probe.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from core import clock
from core.config import LONGEST_DAYS
from core.errors import InvalidParams, NotSignedIn
from core.terminal import hidden_words
from jobs.access.scopes import join_scopes
from jobs.kinds import registry
from jobs.models import MAX_ACTOR, ApiToken, Team

MARK = "rp_"
PREFIX_CHARACTERS = 10
MAX_NAME_CHARACTERS = 100
LAST_USED_EVERY = timedelta(minutes=1)


def make_token(
    user: User,
    name: str,
    *,
    expires_at: datetime | None = None,
    endless: bool = False,
    scope_names: Iterable[str] | None = None,
    kind: str = "",
    team: str = "",
) -> tuple[ApiToken, str]:
    """Make a token for `user`; return its row and the raw text, which is nowhere kept.

    `name` is unique per user (it is in the actor of everything done with the token), a revoked
    token's included. It expires after REPRISE_TOKEN_DAYS, unless at `expires_at` or, `endless`,
    never. `scope_names` say what it is for (None: all), `kind` and `team` (a slug) for which jobs
    ("": all).
    Raises InvalidParams, pointing at `/name`, `/expires_at`, `/scopes`, `/kind` or `/team`.
    """
    name = name.strip()
    _check_name(user, name)
    raw = MARK + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name,
        prefix=raw[:PREFIX_CHARACTERS],
        hash=hash_of(raw),
        expires_at=_checked_expiry(expires_at, endless=endless),
        kind=_checked_kind(kind),
        team=_find_team(user, team) if team else None,
        scopes=join_scopes(scope_names, limited=bool(kind or team)),
    )
    try:
        with transaction.atomic():
            token.save()
    except IntegrityError as error:
        raise _refusal(
            "name", f"There is, or was, a token called {name}: choose another name."
        ) from error
    return token, raw


def may_be_endless() -> bool:
    """Return whether the installation has tokens that never expire."""
    return settings.REPRISE.token_max_days == 0


def default_days() -> float:
    """Return how many days a token lasts if nobody says how long."""
    longest = settings.REPRISE.token_max_days or LONGEST_DAYS
    return min(settings.REPRISE.token_days, longest)


def longest_days() -> float:
    """Return how many days a token may last."""
    return settings.REPRISE.token_max_days or LONGEST_DAYS


def teams_of(user: User) -> QuerySet[Team]:
    """Return the teams for which somebody may make a token, by name."""
    return Team.objects.filter(members=user).order_by("name")


def _check_name(user: User, name: str) -> None:
    if words := hidden_words(name):
        raise _refusal("name", words)
    if not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise _refusal("name", f"A name has 1 to {MAX_NAME_CHARACTERS} characters.")
    room = MAX_ACTOR - len(actor_of(user, ""))
    if len(name) > room:
        detail = f"A name has at most {room} characters, with a user name as long as yours."
        raise _refusal("name", detail)


def _checked_expiry(wanted: datetime | None, *, endless: bool) -> datetime | None:
    now = clock.now()
    if endless:
        if may_be_endless():
            return None
        raise _refusal("expires_at", "Tokens have to expire here: say when.")
    if wanted is None:
        return now + timedelta(days=default_days())
    # A minute more, since clocks differ: `--days 365` is the longest, not a moment too long.
    if not now < wanted < now + timedelta(days=longest_days(), minutes=1):
        detail = f"A token expires within {longest_days():g} days from now."
        raise _refusal("expires_at", detail)
    return wanted


def _checked_kind(name: str) -> str:
    if name and registry.find_kind(name) is None:
        known = ", ".join(kind.name for kind in registry.all_kinds())
        raise _refusal("kind", f"There is no kind {name!r}: {known}.")
    return name


def _find_team(user: User, slug: str) -> Team:
    team = teams_of(user).filter(slug=slug).first()
    if team is None:
        raise _refusal("team", f"There is no team {slug!r} among those of the token's user.")
    return team


def _refusal(member: str, detail: str) -> InvalidParams:
    return InvalidParams([{"pointer": f"/{member}", "detail": detail}])


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
