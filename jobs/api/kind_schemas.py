"""The shapes of the answers about job kinds."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import Field


class KindOut(Schema):
    """A job kind; `schema` is the JSON Schema of its params, `can` has `run` if you may run it.

    A property's `x-options` lists what there is to choose from now.
    """

    name: str
    title: str
    description: str
    schema_: dict[str, Any] = Field(alias="schema")
    can: list[str]


class KindsOut(Schema):
    """The job kinds that you may see, if you may submit jobs; `next`: the `after` of the others."""

    kinds: list[KindOut]
    next: str | None


class ChoicesOut(Schema):
    """Choices: texts, or objects with `value`, `label`, `group`; `next`: the following `after`."""

    options: list[str | dict[str, str]]
    next: int | None


class PlanOut(Schema):
    """What a job would do, before it is submitted."""

    plan: dict[str, Any]
    title: str
