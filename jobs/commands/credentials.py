"""Make, change and remove credentials, by those who manage them. Nothing returns a value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from core.errors import InvalidParams
from core.terminal import hidden_words
from jobs.access import credentials as access
from jobs.access.visibility import Principal
from jobs.models import Credential, Team
from jobs.secrets import credentials as values


@dataclass(frozen=True, slots=True)
class NewValue:
    """What a credential is to hold: a value, or where it is in an outside store."""

    value: str | None = None
    store: str = ""
    reference: str = ""

    def put_into(self, one: Credential) -> None:
        """Put it into a credential, which is to be saved. Raises InvalidParams."""
        if self.value is not None and self.store:
            detail = "Give a value, or a store and a reference."
            raise InvalidParams([{"pointer": "/value", "detail": detail}])
        if self.store:
            values.set_reference(one, self.store, self.reference)
        else:
            values.set_value(one, self.value or "")


def make_credential(
    principal: Principal, one: Credential, held: NewValue, users: Collection[Team] = ()
) -> None:
    """Keep a new credential that `one.team` owns and jobs of `users` may use, too.

    Raises Forbidden, and InvalidParams with the member that is wrong.
    """
    values.check_name(one.name)
    access.require_manage(principal, one.team, from_store=bool(held.store))
    _require_visible(one.description)
    held.put_into(one)
    try:
        with transaction.atomic():
            one.save(force_insert=True)
            one.users.set(users)
    except IntegrityError:
        detail = f"There is a credential called {one.name}: choose another name."
        raise InvalidParams([{"pointer": "/name", "detail": detail}]) from None


def change_credential(
    principal: Principal,
    name: str,
    held: NewValue | None = None,
    description: str | None = None,
    users: Collection[Team] | None = None,
) -> Credential:
    """Change what is given of a credential; return it.

    Raises NotFound, Forbidden, and InvalidParams with the member that is wrong.
    """
    with transaction.atomic():
        one = access.managed_credential(principal, name)
        from_store = held is not None and bool(held.store)
        access.require_manage(principal, one.team, from_store=from_store)
        if held is not None:
            held.put_into(one)
        if description is not None:
            _require_visible(description)
            one.description = description
        one.save()
        if users is not None:
            one.users.set(users)
    return one


def remove_credential(principal: Principal, name: str) -> None:
    """Remove a credential; jobs that need it fail at their next step, and say so."""
    with transaction.atomic():
        access.managed_credential(principal, name).delete()


def _require_visible(text: str) -> None:
    if words := hidden_words(text):
        raise InvalidParams([{"pointer": "/description", "detail": words}])
