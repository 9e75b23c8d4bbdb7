"""Whether a session lets its user in, beyond Django's own checks: asked for one, or for many.

Everything that takes a session asks here: pages, the API, streams, tickets and the admin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User

from core.errors import NotSignedIn, RepriseError, SecondFactorRequired
from jobs.access import second_factor
from jobs.access.sso import sessions as provider_sessions

Data = Mapping[str, Any]


def find_refusal(data: Data, user: User) -> RepriseError | None:
    """Return why a session of this user does not let them in now; None if it does.

    NotSignedIn if single sign-on has ended it, SecondFactorRequired if it was opened without.
    """
    return find_refusals([(data, user)])[0]


def find_refusals(asked: Iterable[tuple[Data, User]]) -> list[RepriseError | None]:
    """Return the same for many, in a few queries."""
    asked = list(asked)
    named = {row for data, _ in asked if (row := provider_sessions.row_id(data)) is not None}
    there = provider_sessions.rows_there(named)
    must = second_factor.users_who_must(
        {user.pk for data, user in asked if not second_factor.was_used(data, user)}
    )

    def refusal(data: Data, user: User) -> RepriseError | None:
        row = provider_sessions.row_id(data)
        if row is not None and row not in there:
            return NotSignedIn("The single sign-on has ended. Sign in again.")
        if user.pk in must and not second_factor.was_used(data, user):
            return SecondFactorRequired()
        return None

    return [refusal(data, user) for data, user in asked]


def require_session(data: Data, user: User) -> None:
    """Raise what `find_refusal` returns."""
    error = find_refusal(data, user)
    if error is not None:
        raise error
