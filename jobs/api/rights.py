"""/api/rights: what your teams may see, run and approve."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from jobs.api.auth import principal_of
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.api.schemas import error_responses
from jobs.log.types import MAX_SEQ
from jobs.models import Right

router = Router(tags=["rights"])


class RightsQuery(Schema):
    """The query of GET /api/rights."""

    after: int = Field(0, ge=0, le=MAX_SEQ, description="The `next` of the page before.")


class RightOut(Schema):
    """A right of a team (its slug) to see, run or approve."""

    id: int
    team: str
    act: str
    kind: str
    targets: str


class RightsOut(Schema):
    """Rights of your teams; `unlimited`: you may do all that your role allows, without any."""

    unlimited: bool
    rights: list[RightOut]
    next: int | None


@router.get("", response={200: RightsOut, **error_responses()})
def list_rights(request: HttpRequest, query: Query[RightsQuery]) -> dict[str, Any]:
    """List the rights of your teams; a page has up to 200."""
    principal = principal_of(request)
    rows = Right.objects.filter(team__in=principal.team_ids, pk__gt=query.after).order_by("pk")
    values = rows.values("id", "team__slug", "act", "kind", "targets")[: MAX_LIMIT + 1]
    found = [{**row, "team": row["team__slug"]} for row in values]
    page, more = fit_page(found, MAX_LIMIT)
    return {
        "unlimited": principal.rights.unlimited,
        "rights": page,
        "next": page[-1]["id"] if more else None,
    }
