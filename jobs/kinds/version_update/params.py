"""What an operator fills in: which servers, which version, how carefully; and the steps."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from jobs.kinds.batches import NoneOrMore, OneOrMore, Targets

STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain")


class UpdateParams(BaseModel):
    """Parameters of a version update; names of servers are names of targets in the inventory."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Version update")

    servers: Targets = Field(
        title="Servers",
        description="The servers to update, in this order: names, group:NAME, label:NAME=VALUE.",
    )
    version: str = Field(
        title="Version",
        description="A release in the servers' repository.",
        min_length=1,
        max_length=100,
        json_schema_extra={"x-choices": "versions"},
    )
    batch: OneOrMore = Field(
        4, title="Batch size", description="How many servers are updated at the same time."
    )
    canary: NoneOrMore = Field(
        1,
        title="Canaries",
        description="How many servers go first and alone. One failure stops the run. 0: none.",
    )
    max_failures: NoneOrMore = Field(
        1,
        title="Failures tolerated",
        description="The run stops once more servers than this have failed, or a canary.",
    )
