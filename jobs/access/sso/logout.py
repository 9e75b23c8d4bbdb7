"""Signing out at the provider as well, and hearing from it who has signed out there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings

from jobs.access.one_time import use_once
from jobs.access.sso import provider, sessions
from jobs.access.sso.provider import BadToken
from jobs.models import ProviderSession
from jobs.secrets.keys import KeysUnusable, SecretUnreadable

LASTS = timedelta(minutes=5)  # longer than a logout token is taken
SIGNED_OUT_THERE = "They signed out at the provider."


def end_own_session(data: Any, back_to: str) -> str | None:
    """End the row of a session that is being signed out of; return where to sign out as well.

    None for a session by other means, and where the provider cannot be asked.
    """
    named = sessions.row_id(data)
    row = ProviderSession.objects.filter(pk=named).first() if named else None
    if row is None:
        return None
    ProviderSession.objects.filter(pk=row.pk).delete()
    if not settings.REPRISE.oidc_issuer:
        return None
    try:
        return provider.logout_address(sessions.open_tokens(row)["id"], back_to)
    except (SecretUnreadable, KeysUnusable):
        return None


def end_named_sessions(token: str) -> None:
    """End the sessions that a logout token of the provider names. Raises ProviderUnavailable."""
    claims = provider.verify_logout_token(token)
    subject, name = claims.get("sub"), claims.get("sid")
    if not isinstance(subject, str) and not isinstance(name, str):
        raise BadToken("the logout token names nobody")
    if not use_once(f"logout token {claims['jti']}", LASTS):
        raise BadToken("the logout token was used")
    rows = ProviderSession.objects.filter(account__provider=settings.REPRISE.oidc_issuer)
    if isinstance(subject, str):
        rows = rows.filter(account__uid=subject)
    if isinstance(name, str):
        rows = rows.filter(provider_session=name)
    sessions.end_sessions(rows.select_related("account__user"), SIGNED_OUT_THERE)
