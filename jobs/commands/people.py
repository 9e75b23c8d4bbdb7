"""Manage people: accounts, roles, teams, what they sign in with, where they are signed in.

Superusers do, and staff whose role lets them change users; those touch no superuser and make none.
"""

from __future__ import annotations

from collections.abc import Collection

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from django.db import transaction

from core.errors import Forbidden, InvalidParams, NotFound
from jobs.access import sessions, tokens
from jobs.access.scopes import ADMIN
from jobs.access.visibility import Principal
from jobs.models import ApiToken, Team

MANAGE = "auth.change_user"


def may_manage_people(principal: Principal) -> bool:
    """Return whether somebody may add and change people."""
    user, scope = principal.user, principal.scope
    allowed = user.is_active and user.is_staff and user.has_perm(MANAGE)
    return allowed and ADMIN in scope.acts and not scope.is_limited


def require_manager(principal: Principal) -> None:
    """Raise Forbidden unless somebody may add and change people."""
    if not may_manage_people(principal):
        raise Forbidden("Only staff who are managers may manage people.")


def find_person(principal: Principal, number: int) -> User:
    """Return a person in order to look at them. Raises Forbidden, NotFound."""
    require_manager(principal)
    found = User.objects.filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such person.")
    return found


def may_touch(principal: Principal, person: User) -> bool:
    """Return whether a manager may change this person."""
    return principal.user.is_superuser or not person.is_superuser


def person_to_change(principal: Principal, number: int) -> User:
    """Return a person in order to change them. Raises Forbidden for a superuser, NotFound."""
    person = find_person(principal, number)
    if not may_touch(principal, person):
        raise Forbidden("Only superusers may change a superuser.")
    return person


def save_person(
    principal: Principal, person: User, roles: Collection[Group], teams: Collection[Team]
) -> None:
    """Add or change somebody, with their roles and teams: all of it or nothing.

    Raises Forbidden, and InvalidParams for managers who would lock themselves out.
    """
    require_manager(principal)
    stored = User.objects.filter(pk=person.pk).first() if person.pk else None
    was_superuser = stored is not None and stored.is_superuser
    if person.is_superuser != was_superuser or (stored and not may_touch(principal, stored)):
        raise Forbidden("Only superusers may change a superuser.")
    if person.pk == principal.user.pk:
        _require_staying(person)
    with transaction.atomic():
        person.save()
        person.groups.set(roles)
        person.reprise_teams.set(teams)


def set_password(principal: Principal, number: int, password: str) -> User:
    """Give somebody a new password, which ends their sessions."""
    person = person_to_change(principal, number)
    person.set_password(password)
    person.save()
    return person


def reset_factors(principal: Principal, number: int) -> int:
    """Remove somebody's second factors; return how many there were."""
    return remove_factors(person_to_change(principal, number))


def remove_factors(person: User) -> int:
    """Remove somebody's second factors, whoever asks; return how many there were."""
    with transaction.atomic():
        factors = list(Authenticator.objects.filter(user=person))
        for one in factors:  # one by one: a deletion of all at once would tell nobody
            one.delete()
    return len(factors)


def end_sessions(principal: Principal, number: int, short_id: str = "") -> int:
    """End somebody's session, or all of them; return how many."""
    person = person_to_change(principal, number)
    found = sessions.sessions_of(person)
    return sessions.end_sessions(person, [one for one in found if short_id in ("", one.short_id)])


def revoke_token(principal: Principal, number: int, token: int) -> int:
    """Revoke a token of somebody's; return how many were not yet."""
    person = person_to_change(principal, number)
    mine = ApiToken.objects.filter(user=person, pk=token)
    if not mine.exists():
        raise NotFound("They have no such token.")
    return tokens.revoke_tokens(mine)


def _require_staying(person: User) -> None:
    """Raise InvalidParams where managers take from themselves what lets them in here."""
    for name in ("is_active", "is_staff"):
        if not getattr(person, name):
            detail = "Have somebody else do that: you would lock yourself out."
            raise InvalidParams([{"pointer": f"/{name}", "detail": detail}], detail)
