"""What an operator fills in: which servers, which version, how carefully; and the steps."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobs.events.extensions import MOST_TARGETS

STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain")


class UpdateParams(BaseModel):
    """Parameters of a version update; names of servers are names of targets in the inventory."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Version update")

    servers: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        title="Servers",
        description="The servers to update, in this order: names, group:NAME, label:NAME=VALUE.",
        min_length=1,
        max_length=MOST_TARGETS,
        json_schema_extra={"x-choices": "targets"},
    )
    version: str = Field(
        title="Version",
        description="A release in the servers' repository.",
        min_length=1,
        max_length=100,
        json_schema_extra={"x-choices": "versions"},
    )
    batch: int = Field(
        default=4,
        ge=1,
        le=MOST_TARGETS,
        title="Batch size",
        description="How many servers are updated at the same time.",
    )
    canary: int = Field(
        default=1,
        ge=0,
        le=MOST_TARGETS,
        title="Canaries",
        description="How many servers go first and alone. One failure stops the run. 0: none.",
    )
    max_failures: int = Field(
        default=1,
        ge=0,
        le=MOST_TARGETS,
        title="Failures tolerated",
        description="The run stops once more servers than this have failed, or a canary.",
    )
