"""Changes to people, roles, teams, rights, tokens, schedules and targets, as signals tell of them.

Heard is whatever saves or deletes an object: the API, the admin, a command, the shell. What writes
rows by `QuerySet.update` or `bulk_create` tells no signal; in this project nothing does so to these
models without `record`. The values of passwords, parameters and variables are never told, only that
they have changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save

from core import clock
from jobs.events import EventType
from jobs.models import ApiToken, Credential, Right, Schedule, Subscription, Target, Team
from jobs.system_log.stream import record

# A value's JSON that is longer is told by its first characters.
MAX_SHOWN = 1000
_BEFORE = "_before_change"


@dataclass(frozen=True, slots=True)
class Watched:
    """What an event tells of a model's objects: `shown` with values, `hidden` by name alone."""

    noun: str
    shown: tuple[str, ...]
    hidden: tuple[str, ...] = ()


WATCHED: Mapping[type[Model], Watched] = {
    User: Watched("user", ("username", "is_active", "is_staff", "is_superuser"), ("password",)),
    Group: Watched("role", ("name",)),
    Team: Watched("team", ("name", "slug")),
    Authenticator: Watched("second factor", ("type",)),
    SocialAccount: Watched("identity", ("provider", "uid")),
    ApiToken: Watched(
        "token", ("name", "expires_at", "revoked_at", "scopes", "kind", "team"), ("hash",)
    ),
    Schedule: Watched(
        "schedule",
        ("name", "kind", "title", "cron", "timezone", "enabled", "owner", "on_missed", "overlap"),
        ("params",),
    ),
    Credential: Watched(
        "credential", ("name", "type", "description", "team", "store", "reference"), ("ciphertext",)
    ),
    Subscription: Watched(
        "subscription",
        ("name", "user", "team", "events", "kind", "target", "own", "channel", "enabled"),
        ("ciphertext",),
    ),
    Target: Watched("target", ("name", "group", "labels", "transport", "address"), ("variables",)),
}


# Of two that belong together the later one here is given to the earlier one.
_GIVEN = {
    User: "user",
    Group: "role",
    Team: "team",
    Permission: "permission",
    Credential: "credential",
}
_RANKS = list(_GIVEN)
_MEMBERSHIPS = (
    User.groups.through,
    User.user_permissions.through,
    Group.permissions.through,
    Team.members.through,
    Credential.users.through,
)


def connect_signals() -> None:
    """Hear of every change; to be called once, when the app is ready."""
    for model in WATCHED:
        pre_save.connect(_remember_row, sender=model)
        post_save.connect(_record_save, sender=model)
        pre_delete.connect(_record_delete, sender=model)
    pre_save.connect(_record_right_changed, sender=Right)
    post_save.connect(_record_right_given, sender=Right)
    pre_delete.connect(_record_right_taken, sender=Right)
    recorded: tuple[type[Model], ...] = (*WATCHED, Right)
    for model in recorded:
        # Without a transaction of the caller's, the row would be stored before its event.
        together = transaction.atomic(savepoint=False)(model.save_base)
        setattr(model, "save_base", together)  # noqa: B010 - a method is no attribute to mypy
    for through in _MEMBERSHIPS:
        m2m_changed.connect(_record_membership, sender=through)


def record_added(one: Model) -> None:
    """Record that an object was made, where no signal tells of it."""
    watched = WATCHED[type(one)]
    after = {name: _shown_value(one, name) for name in watched.shown}
    record(EventType.SYSTEM_ADDED, object=watched.noun, name=_name_of(one), after=after)


def _remember_row(
    sender: type[Model], instance: Model, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """Keep what the row says before it is saved, unless what is saved is of no interest."""
    names = _saved_names(sender, update_fields)
    old = sender._base_manager.filter(pk=instance.pk).first() if names else None
    instance.__dict__[_BEFORE] = old


def _record_save(
    sender: type[Model],
    instance: Model,
    created: bool,
    update_fields: Iterable[str] | None,
    **_: Any,
) -> None:
    old: Model | None = instance.__dict__.pop(_BEFORE, None)
    if created:
        record_added(instance)
    if created or old is None:
        return
    watched, names = WATCHED[sender], _saved_names(sender, update_fields)
    changed = [name for name in names if getattr(old, name) != getattr(instance, name)]
    if not changed:
        return
    shown = [name for name in changed if name in watched.shown]
    record(
        EventType.SYSTEM_CHANGED,
        object=watched.noun,
        name=_name_of(old),
        before={name: _shown_value(old, name) for name in shown},
        after={name: _shown_value(instance, name) for name in shown},
        hidden=[name for name in changed if name in watched.hidden],
    )


def _record_delete(sender: type[Model], instance: Model, **_: Any) -> None:
    watched = WATCHED[sender]
    before = {name: _shown_value(instance, name) for name in watched.shown}
    record(EventType.SYSTEM_REMOVED, object=watched.noun, name=_name_of(instance), before=before)


def _record_right_changed(instance: Right, **_: Any) -> None:
    """Record what a right was, if it is one that is changed: it is taken, then given anew."""
    if old := Right.objects.select_related("team").filter(pk=instance.pk).first():
        _record_right(EventType.SYSTEM_WITHDRAWN, old)


def _record_right_given(instance: Right, **_: Any) -> None:
    _record_right(EventType.SYSTEM_GRANTED, instance)


def _record_right_taken(instance: Right, **_: Any) -> None:
    _record_right(EventType.SYSTEM_WITHDRAWN, instance)


def _record_right(type_: EventType, right: Right) -> None:
    record(type_, object="team", name=right.team.name, what="right", value=right.words)


def _record_membership(
    sender: type[Model],
    instance: Model,
    action: str,
    model: type[Model],
    pk_set: set[int] | None,
    **_: Any,
) -> None:
    """Record who was given what, or has it no longer; each member is an event."""
    others = model._base_manager.order_by("pk")
    if action == "post_add":
        type_ = EventType.SYSTEM_GRANTED
    elif action in {"pre_remove", "pre_clear"}:
        type_ = EventType.SYSTEM_WITHDRAWN
        there = sender._base_manager.filter(**{str(instance._meta.model_name): instance.pk})
        others = others.filter(pk__in=there.values(str(model._meta.model_name)))
    else:
        return
    for other in others if pk_set is None else others.filter(pk__in=pk_set):
        given_to, what = sorted((instance, other), key=lambda one: _RANKS.index(type(one)))
        record(
            type_,
            object=_GIVEN[type(given_to)],
            name=_name_of(given_to),
            what=_GIVEN[type(what)],
            value=_name_of(what),
        )


def _saved_names(model: type[Model], update_fields: Iterable[str] | None) -> list[str]:
    """Return the watched fields that a save writes."""
    names = (*WATCHED[model].shown, *WATCHED[model].hidden)
    return [name for name in names if update_fields is None or name in update_fields]


def _name_of(one: Any) -> str:
    match one:
        case User():
            return one.get_username()
        case ApiToken():
            return f"{one.user.get_username()}/{one.name}"
        case Authenticator():
            return f"{one.user.get_username()}/{one.type}"
        case SocialAccount():
            return f"{one.user.get_username()}/{one.uid}"
        case Permission():
            return f"{one.content_type.app_label}.{one.codename}"
    return str(one.name)


def _shown_value(one: Model, name: str) -> Any:
    value = getattr(one, name)
    if isinstance(value, Model):
        return _name_of(value)
    if isinstance(value, datetime):
        return clock.rfc3339(value)
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
