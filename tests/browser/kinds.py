"""A job kind of the browser tests' copy: it asks somebody else after its first server."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, Field

from jobs.kinds.registry import Group, Kind, Plan
from jobs.run import Run, Step

GATE = "canary"


class CarefulParams(BaseModel):
    """Which servers, and how long a step takes on each."""

    servers: list[str] = Field(min_length=1, json_schema_extra={"x-choices": "targets"})
    seconds: float = Field(0.1, ge=0, le=60)


class Careful(Kind[CarefulParams]):
    name = "test-careful"
    title = "Careful round"
    description = "Goes round the servers, and asks somebody else after the first."
    Params = CarefulParams

    def plan(self, params: CarefulParams) -> Plan:
        first, rest = params.servers[:1], params.servers[1:]
        groups = [Group("canary", first), *([Group("rest", rest)] if rest else [])]
        return Plan(["touch", "look"], groups, "One server, a question, the others.")

    async def run(self, run: Run, params: CarefulParams) -> None:
        async def work(step: Step) -> None:
            step.output(f"{step.name} {step.target}\n")
            await asyncio.sleep(params.seconds)

        for number, server in enumerate(params.servers, start=1):
            for name in ("touch", "look"):
                await run.step(name, work, target=server)
            await run.progress(number, len(params.servers))
            if number == 1:
                question = f"Does {server} look well?"
                await run.gate(GATE, question, not_by_submitter=True)
