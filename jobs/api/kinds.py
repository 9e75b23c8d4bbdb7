"""/api/kinds and /api/plan: what can be submitted, and what it would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from ninja import Router

from jobs.access import credentials, visibility
from jobs.api.auth import principal_of
from jobs.api.schemas import KindsOut, PlanOut, Wanted, error_responses
from jobs.kinds import registry
from jobs.kinds.kind import AnyKind, Option, plan_job
from jobs.models import Target
from jobs.secrets.field import CREDENTIALS

router = Router(tags=["kinds"])
# A form offers so many; another name can be sent all the same.
MAX_OFFERED = 1000


@router.get("/kinds", response={200: KindsOut, **error_responses()}, by_alias=True)
def list_kinds(request: HttpRequest) -> dict[str, Any]:
    """List the job kinds that you may submit, each with the JSON Schema of its params."""
    principal = principal_of(request)
    kinds = registry.all_kinds() if principal.has("submit_job") else ()
    offered = credentials.offered_credentials(principal)
    named: list[Option] = list(
        offered.order_by("name").values_list("name", flat=True)[:MAX_OFFERED]
    )
    return {
        "kinds": [kind_json(kind, named) for kind in kinds if visibility.is_open(principal, kind)]
    }


@router.post("/plan", response={200: PlanOut, **error_responses(403, 422)})
def plan(request: HttpRequest, wish: Wanted) -> dict[str, Any]:
    """Say what such a job would do, and submit nothing."""
    principal = principal_of(request)
    visibility.require_act(principal, "submit")
    principal.scope.require_kind(wish.kind)
    kind = registry.get_kind(wish.kind)
    visibility.require_open(principal, kind)
    params = kind.parse(wish.params)
    named, targets = kind.named_credentials(params), kind.reached_targets(params)
    credentials.require_usable(visibility.team_for(principal), principal.user, named, targets)
    return {"plan": plan_job(kind, params).as_dict(), "title": kind.title_for(params)}


def kind_json(kind: AnyKind, offered: Sequence[Option] = ()) -> dict[str, Any]:
    """Return a kind as JSON, its schema's choices resolved as of now.

    `offered` are the credentials that somebody may choose in place of a secret's value.
    """
    return {
        "name": kind.name,
        "title": kind.title,
        "description": kind.description,
        "schema": with_options(
            kind.Params.model_json_schema(), {**resolve_choices(kind), CREDENTIALS: offered}
        ),
    }


def resolve_choices(kind: AnyKind) -> Mapping[str, Sequence[Option]]:
    """Return what there is to choose from, by the name in `x-choices`.

    `targets` is the inventory unless the kind has choices of its own under that name.
    """
    names = Target.objects.order_by("name").values_list("name", flat=True)
    return {"targets": list(names), **kind.choices()}


def with_options(schema: Any, choices: Mapping[str, Sequence[Option]]) -> Any:
    """Return a JSON Schema in which whatever has `x-choices` has the list in `x-options` too."""
    match schema:
        case dict():
            made = {name: with_options(value, choices) for name, value in schema.items()}
            chosen = schema.get("x-choices")
            if isinstance(chosen, str) and chosen in choices:
                made["x-options"] = choices[chosen]
            return made
        case list():
            return [with_options(item, choices) for item in schema]
    return schema
