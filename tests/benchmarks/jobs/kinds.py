"""Job kinds that do nothing, with and without a step to do it in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

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


async def _nothing(step: Step) -> None:
    """Do nothing."""
