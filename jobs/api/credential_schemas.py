"""Shapes of requests and answers of /api/credentials."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field

from jobs.api.fields import Text
from jobs.api.schemas import RequestBody
from jobs.secrets.field import LONGEST

Value = Annotated[
    str | None,
    Field(max_length=4 * LONGEST, json_schema_extra={"format": "password", "writeOnly": True}),
]
Teams = Annotated[list[Text], Field(max_length=100)]
Line = Annotated[Text, Field(max_length=300)]


class CredentialWish(RequestBody):
    """The body of POST /api/credentials; teams by slug, no team for the installation's own."""

    name: Text
    type: Literal["ssh_key", "password", "token"]
    value: Value = None
    store: Text = ""
    reference: Annotated[str, Field(max_length=500)] = ""
    team: Text | None = None
    users: Teams | None = None
    description: Line = ""


class CredentialChange(RequestBody):
    """The body of PATCH /api/credentials/<name>: what is left out stays."""

    value: Value = None
    store: Text = ""
    reference: Annotated[str, Field(max_length=500)] = ""
    users: Teams | None = None
    description: Line | None = None


class CredentialOut(Schema):
    """A credential without its value; `can` says what you may do: `use`, `manage`.

    `reference` and `last_used_by`, a job, are for those who manage it.
    """

    name: str
    type: str
    description: str
    team: str | None
    users: list[str]
    store: str
    reference: str
    created_at: str
    changed_at: str
    last_used_at: str | None
    last_used_by: str | None
    can: list[str]


class CredentialsOut(Schema):
    """Credentials by name; `next` is the `after` of the following page."""

    credentials: list[CredentialOut]
    next: str | None
