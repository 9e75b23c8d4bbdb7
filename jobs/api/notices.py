"""/api/subscriptions: what you and your teams hear of, and where."""

from __future__ import annotations

from datetime import time
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpRequest
from ninja import Router, Status

from core.errors import InvalidParams, NotFound
from core.ids import parse_id
from jobs.access.scopes import ADMIN
from jobs.api.auth import principal_of
from jobs.api.notice_schemas import (
    SubscriptionChange,
    SubscriptionOut,
    SubscriptionsOut,
    SubscriptionWish,
)
from jobs.api.schemas import error_responses
from jobs.api.shapes import moment_json
from jobs.models import Subscription, Team
from jobs.notices import subscriptions as notices
from jobs.notices.subscriptions import Wish

router = Router(tags=["notices"])

CLOCKS = ("quiet_from", "quiet_until")


@router.get("", response={200: SubscriptionsOut, **error_responses()})
def list_subscriptions(request: HttpRequest) -> dict[str, Any]:
    """List your subscriptions and those of your teams; nobody gets an address back."""
    principal = principal_of(request)
    principal.scope.require(ADMIN)
    waiting = Count("notices", filter=Q(notices__digest=None))
    rows = notices.visible_subscriptions(principal).annotate(waiting_count=waiting)
    return {"subscriptions": [_subscription_json(one, one.waiting_count) for one in rows]}


@router.post("", response={201: SubscriptionOut, **error_responses(403, 422)})
def make_subscription(request: HttpRequest, wish: SubscriptionWish) -> Status[dict[str, Any]]:
    """Subscribe yourself, or a team of yours."""
    given = wish.model_dump(exclude={"team"})
    team = _find_team(wish.team) if wish.team else None
    one = notices.make_subscription(principal_of(request), _as_wish(given), team)
    return Status(201, _subscription_json(one))


@router.patch(
    "/{subscription_id}", response={200: SubscriptionOut, **error_responses(403, 404, 422)}
)
def change_subscription(
    request: HttpRequest, subscription_id: str, wish: SubscriptionChange
) -> dict[str, Any]:
    """Change what is given of a subscription; null ends quiet hours and changes nothing else."""
    principal, id_ = principal_of(request), _read_id(subscription_id)
    before = notices.shown_values(notices.get_subscription(principal, id_))
    given = {
        name: value
        for name, value in wish.model_dump(exclude_unset=True).items()
        if value is not None or name in CLOCKS
    }
    one = notices.change_subscription(principal, id_, _as_wish({**before, **given}))
    return _subscription_json(one, one.notices.filter(digest=None).count())


@router.delete("/{subscription_id}", response={204: None, **error_responses(403, 404)})
def remove_subscription(request: HttpRequest, subscription_id: str) -> Status[None]:
    """Remove a subscription, with what waits for it."""
    notices.remove_subscription(principal_of(request), _read_id(subscription_id))
    return Status(204, None)


@router.post("/{subscription_id}/test", response={202: None, **error_responses(403, 404, 422)})
def test_subscription(request: HttpRequest, subscription_id: str) -> Status[None]:
    """Have a test sent, the way that all notices go."""
    notices.send_test(principal_of(request), _read_id(subscription_id))
    return Status(202, None)


def _read_id(text: str) -> UUID:
    try:
        return parse_id(text)
    except ValueError:
        raise NotFound from None


def _find_team(slug: str) -> Team:
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        raise InvalidParams([{"pointer": "/team", "detail": f"There is no team {slug}."}])
    return found


def _as_wish(given: dict[str, Any]) -> Wish:
    clocks = {name: given[name] for name in CLOCKS if isinstance(given[name], str)}
    read = {name: time.fromisoformat(text) for name, text in clocks.items()}
    return Wish(**{**given, **read})


def _subscription_json(one: Subscription, waiting: int = 0) -> dict[str, Any]:
    plain = (
        "name", "events", "channel", "kind", "target", "own", "timezone", "digest_minutes",
        "enabled", "failures", "error",
    )  # fmt: skip
    return {
        "id": str(one.pk),
        **{name: getattr(one, name) for name in plain},
        "team": one.team.slug if one.team else None,
        "quiet_from": _clock_json(one.quiet_from),
        "quiet_until": _clock_json(one.quiet_until),
        **{name: moment_json(getattr(one, name)) for name in ("created_at", "sent_at", "due_at")},
        "waiting": waiting,
    }


def _clock_json(value: time | None) -> str | None:
    return value.strftime("%H:%M") if value else None
