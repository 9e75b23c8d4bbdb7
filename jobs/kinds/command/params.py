"""What an operator fills in: which targets, which command, how carefully."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobs.kinds.batches import BatchPlan, NoneOrMore, OneOrMore, Targets
from jobs.secrets import Secret

LONGEST_LINE = 4000
SHELL = ("/bin/sh", "-c")

Word = Annotated[str, Field(max_length=LONGEST_LINE)]
Line = Annotated[str, Field(min_length=1, max_length=LONGEST_LINE, pattern=r"\S")]
Variable = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class CommandParams(BaseModel):
    """Parameters of a command."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Command")

    targets: Targets = Field(
        title="Targets",
        description="Where it runs, in this order: names, group:NAME, label:NAME=VALUE.",
    )
    command: Line | Annotated[list[Word], Field(min_length=1, max_length=200)] = Field(
        title="Command",
        description="A line for /bin/sh on each target, or a list of words that is run without a"
        " shell. It may run again after a crash.",
    )
    batch: OneOrMore = Field(
        10, title="Batch size", description="On how many targets it runs at the same time."
    )
    canary: NoneOrMore = Field(
        1,
        title="Canaries",
        description="On how many targets it runs first and alone. One failure stops it. 0: none.",
    )
    pause_after_canary: bool = Field(
        False,
        title="Wait for approval after the canaries",
        description="Somebody has to approve before it goes on with the others.",
    )
    not_by_submitter: bool = Field(
        False,
        title="Approval by somebody else",
        description="You cannot approve it yourself, nor by a token of yours.",
    )
    max_failures: NoneOrMore = Field(
        1,
        title="Failures tolerated",
        description="The run stops once it has failed on more targets than this, or on a canary.",
    )
    timeout_s: Annotated[int, Field(ge=1, le=86_400)] = Field(
        300, title="Time limit", description="Seconds that it may take on a target, each time."
    )
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        0,
        title="Retries",
        description="How often it is tried again on a target on which it failed.",
    )

    secrets: dict[Variable, Secret] = Field(
        default_factory=dict,
        max_length=50,
        title="Secrets",
        description="Variables of its environment, each a credential or a value for this run.",
    )

    def argv(self) -> Sequence[str]:
        """Return the command as a transport takes it."""
        return [*SHELL, self.command] if isinstance(self.command, str) else self.command

    def said(self) -> str:
        """Return the command as one line, as people would type it."""
        line = self.command if isinstance(self.command, str) else shlex.join(self.command)
        return " ".join(line.split())

    def course(self, *, by_other: bool = False) -> BatchPlan:
        """Return how the run goes through its targets; `by_other`: nobody approves their own."""
        return BatchPlan(
            self.targets,
            self.batch,
            self.canary,
            self.max_failures,
            pause=self.pause_after_canary,
            by_other=by_other or self.not_by_submitter,
        )
