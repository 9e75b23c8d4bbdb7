"""What a test says of a run in memory: what its steps do, and what comes to it from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

StepName = str | tuple[str, str | None]


class UnnamedStep(AssertionError):
    """The handler runs a step that the test does not name, and the test wants them all named."""


@dataclass(frozen=True, slots=True)
class EachTry:
    """What a step does try after try; the last of it holds from there on."""

    outcomes: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to a run; see `jobs.replay.harness.run`."""

    steps: Mapping[StepName, Any]
    signals: Mapping[str, Any]
    approvals: Mapping[str, bool | None] | bool | None
    credentials: Mapping[str, str]
    cancel_at: StepName | None
    only_named: bool
