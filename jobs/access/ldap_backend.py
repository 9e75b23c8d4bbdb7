"""Signing in with the password of an LDAP directory: a backend for a site's own settings module.

It needs django-auth-ldap, which the service itself does not (docs/how-to/ldap.md): nothing here
imports this module unless settings name `LdapBackend`. django-auth-ldap binds and searches; who
somebody is here, and what they may do, is ours. People are known by the directory's own id for
them, never by their name, so that nobody gets an account by being called as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

import ldap
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django_auth_ldap.backend import LDAPBackend, ldap_error

from core import clock
from core.sign_in_settings import LDAP, Groups
from jobs.access.sso.rights import Rights, apply_rights
from jobs.access.throttle import PasswordNotChecked
from jobs.system_log import acting_as

logger = logging.getLogger(__name__)

ACTOR = "system:ldap"
MAX_TEXT = 150  # of names and addresses of mail that are copied
NO_ANSWER = (
    ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.TIMELIMIT_EXCEEDED, ldap.BUSY,
    ldap.UNAVAILABLE,
)  # fmt: skip
NOT_REACHED = (
    "The directory does not answer, so the password was not checked. Try again later. "
    "Local accounts work."
)
NO_RIGHTS = "You have no access to this service. Ask your administrator for one of its groups."
TAKEN = "There is another account with your name here. Ask your administrator to connect it."
_check_name = UnicodeUsernameValidator()


class LdapBackend(ModelBackend):
    """Checks a password by binding to the directory; all else is as for local accounts.

    Name it after ModelBackend: the directory is never asked about the name of a local account.
    Raises PasswordNotChecked where the directory does not answer, ValidationError where somebody
    may not come in although their password is right.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return whose name and password these are, with the rights that their groups give."""
        # A bind with a name and no password succeeds at many directories, as anonymous.
        if not username or not password or _is_local(username):
            return None
        with acting_as(ACTOR):
            found: User | None = Directory().authenticate(request, username, password)
        return found


class Directory(LDAPBackend):
    """django-auth-ldap's client of the directory that AUTH_LDAP_* describe."""

    default_settings: ClassVar = {
        # It would save all of a user's row as it was read, and so undo what changes meanwhile.
        "ALWAYS_UPDATE_USER": False,
        # Ours: the attributes with a person's name and lasting id, and what groups give.
        "NAME_ATTRIBUTE": "uid",
        "ID_ATTRIBUTE": "entryUUID",
        "RIGHTS": {},
    }

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """Return the account of somebody who has been found, with their rights brought up to date.

        Called once the password is right.
        """
        attributes = ldap_user.attrs or {}
        # Directories ignore case and more in names: each way to write one would be counted by
        # itself when passwords are guessed.
        if username not in attributes.get(self.settings.NAME_ATTRIBUTE, ()):
            raise ldap_user.AuthenticationFailed("the directory writes the name in another way")
        name_of_id = self.settings.ID_ATTRIBUTE
        ids = attributes.get(name_of_id, ())
        if len(ids) != 1:
            logger.error("the directory gives no %s of %s", name_of_id, username)
            raise ldap_user.AuthenticationFailed("no id")
        wanted = rights_of(ldap_user.group_names)
        user = bring_up_to_date(ids[0], username, wanted)
        if user is None or not wanted:
            raise ValidationError(NO_RIGHTS)
        self._copy_attributes(user, attributes)
        return user, False

    def _copy_attributes(self, user: User, attributes: Any) -> None:
        found = {
            field: attributes[name][0][:MAX_TEXT]
            for field, name in self.settings.USER_ATTR_MAP.items()
            if attributes.get(name)
        }
        for field, value in found.items():
            setattr(user, field, value)
        user.save(update_fields=list(found))


def rights_of(group_names: Iterable[str]) -> Rights:
    """Return what groups of the directory give, by AUTH_LDAP_RIGHTS."""
    return Rights.of(gift for group in group_names for gift in _groups().get(group, ()))


def bring_up_to_date(person: str, name: str, wanted: Rights) -> User | None:
    """Return the account of a person, with these rights; None for a new one who has none."""
    account = SocialAccount.objects.filter(provider=LDAP, uid=person).first()
    try:
        with transaction.atomic():
            if account is None:
                if not wanted:
                    return None
                account = _add_person(person, name)
            SocialAccount.objects.filter(pk=account.pk).update(last_login=clock.now())
            apply_rights(account.user, wanted, _groups(), ACTOR)
            return User.objects.get(pk=account.user_id)
    except IntegrityError:  # also where they came in twice at once
        raise ValidationError(TAKEN) from None


def _groups() -> Groups:
    found: Groups = Directory().settings.RIGHTS
    return found


def _is_local(name: str) -> bool:
    same = User.objects.filter(username__iexact=name)
    return same.exclude(socialaccount__provider=LDAP).exists()


def _add_person(person: str, name: str) -> SocialAccount:
    if User.objects.filter(username__iexact=name).exists():
        raise ValidationError(TAKEN)
    _check_name(name)
    user = User.objects.create_user(name)  # without a password: none is right
    return SocialAccount.objects.create(user=user, provider=LDAP, uid=person)


@receiver(ldap_error, sender=Directory)
def _say_unchecked(context: str, exception: ldap.LDAPError, **_: Any) -> None:
    """Raise PasswordNotChecked unless the directory has answered about the password."""
    logger.error("the directory could not be used (%s): %s", context, exception,
                 extra={"action": "ldap"})  # fmt: skip
    if context == "search_for_user_dn" or isinstance(exception, NO_ANSWER):
        raise PasswordNotChecked(NOT_REACHED)
