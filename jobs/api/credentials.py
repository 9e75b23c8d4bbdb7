"""/api/credentials: what your jobs may use and what you manage, never with a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from core.errors import InvalidParams
from jobs.access import credentials as access
from jobs.access.visibility import Principal
from jobs.api.auth import principal_of
from jobs.api.credential_schemas import (
    CredentialChange,
    CredentialOut,
    CredentialsOut,
    CredentialWish,
)
from jobs.api.fields import Text
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.api.schemas import error_responses
from jobs.api.shapes import moment_json
from jobs.commands import credentials as commands
from jobs.commands.credentials import NewValue
from jobs.models import Credential, Team
from jobs.secrets import credentials as values

router = Router(tags=["credentials"])


class CredentialsQuery(Schema):
    """The query of GET /api/credentials."""

    after: Text = Field("", description="Those whose names come after this one.")


@router.get("", response={200: CredentialsOut, **error_responses()})
def list_credentials(request: HttpRequest, query: Query[CredentialsQuery]) -> dict[str, Any]:
    """List by name the credentials that your jobs may use, and those that you manage.

    Nobody gets a value. A page has up to half a megabyte.
    """
    principal = principal_of(request)
    rows = access.visible_credentials(principal).filter(name__gt=query.after).order_by("name")
    found = _shown(principal, rows[: MAX_LIMIT + 1])
    page, more = fit_page(found, MAX_LIMIT)
    return {"credentials": page, "next": page[-1]["name"] if more else None}


@router.post("", response={201: CredentialOut, **error_responses(403, 422)})
def make_credential(request: HttpRequest, wish: CredentialWish) -> Status[dict[str, Any]]:
    """Make a credential, of a value or of a reference into an outside store."""
    principal = principal_of(request)
    values.check_name(wish.name)
    team = _find_team(wish.team, "/team") if wish.team else None
    access.require_manage(principal, team, from_store=bool(wish.store))
    made = Credential(name=wish.name, type=wish.type, team=team, description=wish.description)
    held = NewValue(wish.value, wish.store, wish.reference)
    commands.make_credential(principal, made, held, _find_teams(wish.users or ()))
    return Status(201, _shown(principal, [made])[0])


@router.patch("/{name}", response={200: CredentialOut, **error_responses(403, 404, 422)})
def change_credential(request: HttpRequest, name: str, wish: CredentialChange) -> dict[str, Any]:
    """Replace a credential's value or reference, its description, or who else may use it."""
    principal = principal_of(request)
    access.require_managed(principal, name)
    held = NewValue(wish.value, wish.store, wish.reference)
    changed = commands.change_credential(
        principal,
        name,
        held if wish.value is not None or wish.store else None,
        wish.description,
        None if wish.users is None else _find_teams(wish.users),
    )
    return _shown(principal, [changed])[0]


@router.delete("/{name}", response={204: None, **error_responses(403, 404)})
def remove_credential(request: HttpRequest, name: str) -> Status[None]:
    """Remove a credential; jobs that need it fail at their next step, and say so."""
    commands.remove_credential(principal_of(request), name)
    return Status(204, None)


def _find_teams(slugs: Sequence[str]) -> list[Team]:
    return [_find_team(slug, f"/users/{place}") for place, slug in enumerate(slugs)]


def _find_team(slug: str, pointer: str) -> Team:
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        raise InvalidParams([{"pointer": pointer, "detail": f"There is no team {slug}."}])
    return found


def _shown(principal: Principal, rows: Any) -> list[dict[str, Any]]:
    """Return credentials as JSON, with what the principal may do: `use`, `manage`."""
    wanted = [one.pk for one in rows]
    found = Credential.objects.filter(pk__in=wanted).select_related("team").order_by("name")
    usable, managed = (
        set(mine.filter(pk__in=wanted).values_list("pk", flat=True))
        for mine in (
            access.offered_credentials(principal), access.managed_credentials(principal)
        )
    )  # fmt: skip
    return [
        {
            "name": one.name,
            "type": one.type,
            "description": one.description,
            "team": one.team.slug if one.team else None,
            "users": [team.slug for team in one.users.all()],
            "store": one.store,
            "reference": one.reference if one.pk in managed else "",
            "created_at": moment_json(one.created_at),
            "changed_at": moment_json(one.changed_at),
            "last_used_at": moment_json(one.last_used_at),
            "last_used_by": str(one.last_used_by_id)
            if one.last_used_by_id and one.pk in managed
            else None,
            "can": [
                act for act, those in (("use", usable), ("manage", managed)) if one.pk in those
            ],
        }
        for one in found.prefetch_related("users")
    ]
