"""Job kinds that do nothing, with and without a step to do it in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from jobs.kinds import Kind
from jobs.run import Run, Step


class Nothing(BaseModel):
    """No parameters."""


class NoOp(Kind[Nothing]):
    """Ends at once."""

    name = "bench-noop"
    title = "Nothing"
    Params = Nothing

    async def run(self, run: Run, params: Nothing) -> Any:
        """Return at once."""


class OneStep(Kind[Nothing]):
    """Has one step, which ends at once."""

    name = "bench-step"
    title = "A step of nothing"
    Params = Nothing

    async def run(self, run: Run, params: Nothing) -> Any:
        """Run the step."""
        await run.step("nothing", _nothing)


class ManySteps(BaseModel):
    """How many."""

    steps: int = Field(ge=1)


class Steps(Kind[ManySteps]):
    """Has steps that follow each other, each of which ends at once."""

    name = "bench-steps"
    title = "Steps of nothing"
    Params = ManySteps

    async def run(self, run: Run, params: ManySteps) -> Any:
        """Run the steps."""
        for number in range(params.steps):
            await run.step(f"nothing {number}", _nothing)


async def _nothing(step: Step) -> None:
    """Do nothing."""
