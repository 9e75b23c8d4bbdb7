"""Asks the LDAP directory again about the people who sign in by it, without their passwords."""

from __future__ import annotations

from typing import NamedTuple

import ldap
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django_auth_ldap.backend import _LDAPUser

from core.errors import RepriseError
from core.sign_in_settings import LDAP
from jobs.access import sessions
from jobs.access.ldap_backend import ACTOR, Directory, bring_up_to_date, rights_of
from jobs.access.sso.rights import Rights
from jobs.system_log import acting_as


class Found(NamedTuple):
    """What the directory says about somebody."""

    dn: str
    groups: frozenset[str]

    @property
    def rights(self) -> Rights:
        """What the groups give."""
        return rights_of(self.groups)


class DirectoryUnusable(RepriseError):
    """The directory could not be asked, or says what cannot be."""


def find_person(name: str) -> Found | None:
    """Return what the directory says about who has this name; None if it finds nobody.

    Raises DirectoryUnusable.
    """
    try:
        person = _LDAPUser(Directory(), username=name)
        return Found(person.dn, frozenset(person.group_names)) if person.dn else None
    except ldap.LDAPError as error:
        raise DirectoryUnusable(f"The directory could not be asked: {error}") from None
    except ValidationError:  # of the backend's own receiver, which has logged why
        raise DirectoryUnusable("The directory could not be asked.") from None


def check_people() -> tuple[int, int]:
    """Bring everybody's rights up to date, and end the sessions of those who have none now.

    Return of how many people, and how many of these have none. Raises DirectoryUnusable, with
    nothing changed, where the directory does not answer or finds nobody at all.
    """
    accounts = list(SocialAccount.objects.filter(provider=LDAP).select_related("user"))
    found = {account.uid: _find_by_id(account.uid) for account in accounts}
    if accounts and not any(found.values()):
        raise DirectoryUnusable("The directory finds none of these people. Nothing was changed.")
    out = 0
    for account in accounts:
        person = found[account.uid]
        wanted = person.rights if person else Rights()
        out += not wanted
        _apply(account, wanted)
    return len(accounts), out


def _find_by_id(person: str) -> Found | None:
    directory = Directory()
    named = directory.settings
    search = named.USER_SEARCH.search_with_additional_terms({named.ID_ATTRIBUTE: person})
    try:
        connection = _LDAPUser(directory, username="").connection
        rows = search.execute(connection, {"user": "*"}, escape=False)
    except ldap.LDAPError as error:
        raise DirectoryUnusable(f"The directory could not be asked: {error}") from None
    names = rows[0][1].get(named.NAME_ATTRIBUTE, ()) if len(rows) == 1 else ()
    return find_person(names[0]) if names else None


@transaction.atomic
def _apply(account: SocialAccount, wanted: Rights) -> None:
    user: User = account.user
    with acting_as(ACTOR):
        bring_up_to_date(account.uid, user.get_username(), wanted)
        if not wanted:
            sessions.end_sessions(user, sessions.sessions_of(user))
