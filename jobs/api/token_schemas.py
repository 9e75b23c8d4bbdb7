"""The bodies and answers of /api/tokens."""

from __future__ import annotations

from ninja import Schema
from pydantic import Field

from jobs.api.fields import Moment, Text
from jobs.api.schemas import RequestBody
from jobs.models import ALL_SCOPES


class TokenWish(RequestBody):
    """The body of POST /api/tokens."""

    name: str
    expires_at: Moment | None = Field(
        None,
        description="Left out: after REPRISE_TOKEN_DAYS. Null: never, where the service allows it.",
    )
    scopes: list[Text] | None = Field(
        None, description=f"Of {', '.join(ALL_SCOPES)}; left out: all that there can be."
    )
    kind: Text | None = Field(None, min_length=1, description="Only for jobs of this kind.")
    team: Text | None = Field(
        None, min_length=1, description="Only for this team's jobs: its slug."
    )


class TokenOut(Schema):
    """A token without its secret; `prefix` is how its raw text starts."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    kind: str | None
    team: str | None
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    revoked_at: str | None


class NewTokenOut(TokenOut):
    """A token just made: `token` is its raw text, shown this once."""

    token: str


class TokensOut(Schema):
    """Your tokens, newest first; `next` is the `before` of the following page."""

    tokens: list[TokenOut]
    next: int | None
