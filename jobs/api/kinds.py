"""/api/kinds, /api/choices and /api/plan: what can be submitted, and what it would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from core.errors import BadParameter
from jobs.access import credentials, run_rights, visibility
from jobs.access.rights import planned_targets
from jobs.access.visibility import Principal
from jobs.api import choices
from jobs.api.auth import principal_of
from jobs.api.fields import Text
from jobs.api.kind_schemas import ChoicesOut, KindsOut, PlanOut
from jobs.api.paging import MAX_LIMIT, fit_page, json_bytes
from jobs.api.schemas import Wanted, error_responses
from jobs.kinds.kind import AnyKind, Option, plan_job
from jobs.log.types import ANSWER_BYTES, MAX_SEQ

router = Router(tags=["kinds"])


class KindsQuery(Schema):
    """The query of GET /api/kinds."""

    name: Text | None = Field(None, description="That kind alone.")
    after: Text | None = Field(None, description="The kinds after this one: the `next` before.")


class ChoicesQuery(Schema):
    """The query of GET /api/choices."""

    kind: Text = Field("", description="The kind's name; without one there are no choices.")
    name: Text = Field("targets", description="The list's name: the `x-choices` of a property.")
    find: Text = Field("", description="Part of a choice's text or value; case does not matter.")
    after: int = Field(0, ge=0, le=MAX_SEQ, description="So many choices are passed over.")


@router.get("/kinds", response={200: KindsOut, **error_responses()}, by_alias=True)
def list_kinds(request: HttpRequest, query: Query[KindsQuery]) -> dict[str, Any]:
    """List the job kinds that you may see, each with the JSON Schema of its params.

    `x-options` of a property has the current choices. If they are too many for an answer, it has
    the first ones, and `x-options-next` is the `after` of GET /api/choices for the others.
    """
    principal = principal_of(request)
    kinds = {kind.name: kind for kind in _wanted_kinds(principal, query)}
    shown, more = fit_page([_kind_json(principal, kind) for kind in kinds.values()], MAX_LIMIT)
    offered, room = choices.offered_credentials(principal), ANSWER_BYTES - json_bytes(shown)
    for count, found in enumerate(shown):
        kind, schema = kinds[found["name"]], found["schema"]
        with run_rights.known_targets(principal, kind.name):
            fitting = choices.fit_choices(kind, schema, offered, room // (len(shown) - count))
        found["schema"] = with_options(schema, fitting.choices, fitting.cut)
        room -= fitting.used
    return {"kinds": shown, "next": shown[-1]["name"] if more else None}


@router.get("/choices", response={200: ChoicesOut, **error_responses(403, 422)})
def list_choices(request: HttpRequest, query: Query[ChoicesQuery]) -> dict[str, Any]:
    """List what there is to choose from in a list of a kind; a page has up to half a megabyte."""
    principal = principal_of(request)
    visibility.require_act(principal, "submit")
    if not query.kind:
        return {"options": [], "next": None}
    kind = {one.name: one for one in run_rights.listed_kinds(principal)}.get(query.kind)
    if kind is None:
        raise BadParameter("kind", f"There is no kind {query.kind!r} here.")
    offered = choices.offered_credentials(principal)
    with run_rights.known_targets(principal, kind.name):
        found = choices.resolve_choices(kind, offered).get(query.name)
    if found is None:
        raise BadParameter("name", f"The kind {kind.name} has no choices called {query.name!r}.")
    fitting = [option for option in found if choices.is_found(option, query.find)]
    page, more = fit_page(fitting[query.after :], len(fitting))
    return {"options": page, "next": query.after + len(page) if more else None}


@router.post("/plan", response={200: PlanOut, **error_responses(403, 422)})
def plan(request: HttpRequest, wish: Wanted) -> dict[str, Any]:
    """Say what such a job would do, and submit nothing."""
    principal = principal_of(request)
    kind = run_rights.kind_to_run(principal, wish.kind)
    with run_rights.known_targets(principal, kind.name):
        params = kind.parse(wish.params)
        planned = plan_job(kind, params).as_dict()
        targets = planned_targets(planned, kind.targets(params))
        named, title = kind.named_credentials(params), kind.title_for(params)
    team = run_rights.team_to_run(principal, kind.name, targets, wish.params)
    credentials.require_usable(team, principal.user, named, targets)
    return {"plan": planned, "title": title}


def _wanted_kinds(principal: Principal, query: KindsQuery) -> Sequence[AnyKind]:
    kinds = run_rights.listed_kinds(principal)
    if query.name is not None:
        return [kind for kind in kinds if kind.name == query.name]
    if query.after is None:
        return kinds
    names = [kind.name for kind in kinds]
    if query.after not in names:
        raise BadParameter("after", f"There is no kind {query.after!r} here.")
    return kinds[names.index(query.after) + 1 :]


def _kind_json(principal: Principal, kind: AnyKind) -> dict[str, Any]:
    """Return a kind as JSON, its schema without choices."""
    return {
        "name": kind.name,
        "title": kind.title,
        "description": kind.description,
        "schema": kind.Params.model_json_schema(),
        "can": ["run"] if visibility.is_open(principal, kind) else [],
    }


def with_options(
    schema: Any, choices: Mapping[str, Sequence[Option]], cut: Mapping[str, int] = {}
) -> Any:
    """Return a JSON Schema in which whatever has `x-choices` has the list in `x-options` too.

    `cut` has the lengths of lists that go on: `x-options-next` says so.
    """
    match schema:
        case dict():
            made = {name: with_options(value, choices, cut) for name, value in schema.items()}
            chosen = schema.get("x-choices")
            if isinstance(chosen, str) and chosen in choices:
                made["x-options"] = choices[chosen]
                made |= {"x-options-next": cut[chosen]} if chosen in cut else {}
            return made
        case list():
            return [with_options(item, choices, cut) for item in schema]
    return schema
