"""The second factor: who must have one, and whether a session was opened with it.

A session says in its data for which user a factor was used, or set up, in it. Who has a role of
REPRISE_MFA_REQUIRED may do nothing in a session that does not say so: no page, call or stream, and
not the admin, until they have set one up or used theirs. Sessions by single sign-on are the
provider's to protect, unless REPRISE_MFA_AFTER_OIDC is set. API tokens have no second factor: they
stand for themselves, and end by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from core.sign_in_settings import STAFF
from jobs.access.sso import sessions
from jobs.events import EventType
from jobs.system_log import acting_as, record

PAGE = "/second-factor"
"""Where people set one up, or use theirs."""

MARK = "second_factor"
"""The key in a session's data: the id of the user for whom it was used."""

Data = Mapping[str, Any]


def connect_signals() -> None:
    """Hear of factors that are set up and used; to be called once, when the app is ready."""
    signals.authenticator_added.connect(_note_added)
    signals.authenticator_used.connect(_note_used)


def users_who_must(ids: Collection[int]) -> set[int]:
    """Return which of the users have a role that takes a second factor."""
    wanted = settings.REPRISE.mfa_required
    if not wanted:
        return set()
    held = Q(groups__name__in=wanted)
    if STAFF in wanted:
        held |= Q(is_staff=True) | Q(is_superuser=True)
    found = User.objects.filter(held, pk__in=ids)
    return set(found.values_list("pk", flat=True))


def was_used(data: Data, user: User) -> bool:
    """Return whether a session's data says that a factor of this user was used in it.

    That of a session by single sign-on is the provider's, unless the setting says otherwise.
    """
    by_provider = sessions.row_id(data) is not None and not settings.REPRISE.mfa_after_oidc
    return by_provider or data.get(MARK) == str(user.pk)


def has_factor(user: User) -> bool:
    """Return whether somebody has set up one; codes for emergencies alone are none."""
    types = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    found: bool = Authenticator.objects.filter(user=user, type__in=types).exists()
    return found


def is_missing(data: Data, user: User) -> bool:
    """Return whether a session lacks the factor that its user must have."""
    return not was_used(data, user) and bool(users_who_must([user.pk]))


def _note_added(request: Any, user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    request.session[MARK] = str(user.pk)
    # Nobody has to confirm by a factor that they have just shown to work.
    how = {"id": authenticator.pk, "type": authenticator.type}
    record_authentication(request, user, "mfa", reauthenticated=True, **how)


def _note_used(request: Any, user: User, authenticator: Authenticator, **_: Any) -> None:
    request.session[MARK] = str(user.pk)
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        return
    authenticator.refresh_from_db()
    left = len(authenticator.wrap().get_unused_codes())
    name = user.get_username()
    with acting_as(f"user:{name}"):
        record(
            EventType.SYSTEM_CHANGED,
            object="second factor",
            name=f"{name}/{authenticator.type}",
            before={"unused": left + 1},
            after={"unused": left},
            hidden=[],
        )
