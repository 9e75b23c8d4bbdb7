"""Shapes of requests and answers of /api/subscriptions."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import Field, StringConstraints

from jobs.api.fields import Text
from jobs.api.schemas import RequestBody
from jobs.models import MAX_SUBSCRIPTION, NOTICE_EVENTS
from jobs.notices.addresses import LONGEST_ADDRESS
from jobs.notices.subscriptions import LONGEST_DIGEST_MINUTES

Name = Annotated[Text, Field(min_length=1, max_length=MAX_SUBSCRIPTION)]
Words = Annotated[
    list[Text], Field(max_length=len(NOTICE_EVENTS), description=f"Of {', '.join(NOTICE_EVENTS)}.")
]
Kind = Annotated[Text, Field(max_length=100, description="Only jobs of this kind.")]
Target = Annotated[Text, Field(description="Only jobs whose plan has this target.")]
Own = Annotated[bool, Field(description="Only jobs that you submitted.")]
Zone = Annotated[Text, Field(max_length=64)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Minutes = Annotated[int, Field(ge=0, le=LONGEST_DIGEST_MINUTES)]
Address = Annotated[
    str,
    Field(
        max_length=LONGEST_ADDRESS,
        description="As Apprise has it; empty: mail to the address at your account.",
        json_schema_extra={"format": "password", "writeOnly": True},
    ),
]


class SubscriptionWish(RequestBody):
    """The body of POST /api/subscriptions; without `team` (a slug) it is your own."""

    name: Name
    events: Words
    team: Text | None = None
    address: Address = ""
    kind: Kind = ""
    target: Target = ""
    own: Own = False
    timezone: Zone = "UTC"
    quiet_from: Clock | None = None
    quiet_until: Clock | None = None
    digest_minutes: Minutes = 1
    enabled: bool = True


class SubscriptionChange(RequestBody):
    """The body of PATCH /api/subscriptions/<id>: what is left out stays."""

    name: Name | None = None
    events: Words | None = None
    address: Address | None = None
    kind: Kind | None = None
    target: Target | None = None
    own: Own | None = None
    timezone: Zone | None = None
    quiet_from: Clock | None = None
    quiet_until: Clock | None = None
    digest_minutes: Minutes | None = None
    enabled: bool | None = None


class SubscriptionOut(Schema):
    """A subscription without its address; `channel` is `mail` or the address's service.

    `waiting` notices are in the next message, at `due_at`; `failures` in a row, the last for what
    `error` says.
    """

    id: str
    name: str
    events: list[str]
    team: str | None
    channel: str
    kind: str
    target: str
    own: bool
    timezone: str
    quiet_from: str | None
    quiet_until: str | None
    digest_minutes: int
    enabled: bool
    created_at: str
    sent_at: str | None
    due_at: str | None
    waiting: int
    failures: int
    error: str


class SubscriptionsOut(Schema):
    """Your subscriptions and those of your teams, by name."""

    subscriptions: list[SubscriptionOut]
