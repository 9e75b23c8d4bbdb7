"""News that somebody's access has shrunk, for the streams that they follow.

Sent through the channel layer after the commit that shrank it. Only a hint: it says whose access to
look at again, never what became of it, and where it is lost the streams' own look, once a minute,
makes up for it. What gives access is no news: nobody follows what they could not see.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save

from jobs.log.hints import hint_publisher
from jobs.models import ApiToken, ProviderSession, Team, UserSession

GROUP = "access"
TYPE = "access.changed"
# Past so many it is cheaper to look at everybody.
MAX_USERS = 1000

_REMOVED = {"post_remove", "post_clear"}


@dataclass(frozen=True, slots=True)
class News:
    """Whose access may have shrunk: ids of users, None for anybody's."""

    users: frozenset[int] | None
    group = GROUP

    def then(self, later: News) -> News:
        """Return one message for both."""
        if self.users is None or later.users is None:
            return News(None)
        users = self.users | later.users
        return News(users if len(users) <= MAX_USERS else None)

    def message(self) -> dict[str, Any]:
        """Return what goes through the channel layer."""
        return {"type": TYPE, "users": None if self.users is None else sorted(self.users)}


def access_reduced(users: Iterable[int] | None) -> None:
    """Tell the streams, once the transaction has committed, of these users (None: of any)."""
    news = News(None if users is None else frozenset(users))
    if news.users is None or news.users:
        transaction.on_commit(lambda: hint_publisher().tell(news))


def connect_signals() -> None:
    """Hear of every change that Django's models tell of (`queryset.update` tells nothing)."""
    post_delete.connect(_session_ended, sender=UserSession)
    post_delete.connect(_provider_session_ended, sender=ProviderSession)
    post_delete.connect(_token_changed, sender=ApiToken)
    post_save.connect(_token_changed, sender=ApiToken)
    post_save.connect(_user_changed, sender=User)
    post_delete.connect(_user_changed, sender=User)
    for sender in (Group, Team):
        post_delete.connect(_everyone_reduced, sender=sender)
    for through in (User.groups.through, User.user_permissions.through, Team.members.through):
        m2m_changed.connect(_taken_out, sender=through)
    m2m_changed.connect(_everyone_reduced, sender=Group.permissions.through)


def _session_ended(instance: UserSession, **kwargs: Any) -> None:
    if instance.user_id is not None:
        access_reduced([instance.user_id])


def _provider_session_ended(instance: ProviderSession, **kwargs: Any) -> None:
    access_reduced([instance.account.user_id])


def _token_changed(instance: ApiToken, created: bool = False, **kwargs: Any) -> None:
    if not created:
        access_reduced([instance.user_id])


def _user_changed(instance: User, created: bool = False, **kwargs: Any) -> None:
    if not created and kwargs.get("update_fields") != frozenset({"last_login"}):
        access_reduced([instance.pk])


def _everyone_reduced(action: str = "post_clear", **kwargs: Any) -> None:
    if action in _REMOVED:
        access_reduced(None)


def _taken_out(
    instance: Model, action: str, reverse: bool, pk_set: set[int] | None, **kwargs: Any
) -> None:
    if action in _REMOVED:
        access_reduced([instance.pk] if isinstance(instance, User) else pk_set)
