"""Kind `load`: appends many events of known size at a known rate, for benches and tests."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from core.words import counted
from jobs.events import EventType, NewEvent
from jobs.kinds import Group, Kind, Plan
from jobs.run import Run, Step

BURST = 100


class LoadParams(BaseModel):
    """How much, how large, how fast."""

    model_config = ConfigDict(extra="forbid")

    events: int = Field(1000, ge=0, le=10_000_000, title="Events")
    bytes: int = Field(200, ge=0, le=60_000, title="Bytes each", description="Payload of an event.")
    rate: float = Field(
        0, ge=0, le=1_000_000, title="Events a second", description="0: as fast as it goes."
    )
    steps: int = Field(10, ge=1, le=1000, title="Steps", description="Spread over so many steps.")


class Load(Kind[LoadParams]):
    name = "load"
    title = "Load generator"
    description = "Appends many events of output, for measuring and for trying the pages out."
    staff_only = True
    Params = LoadParams

    def title_for(self, params: LoadParams) -> str:
        return f"Load of {counted(params.events, 'event')}"

    def plan(self, params: LoadParams) -> Plan:
        names = [_part_name(number, params) for number in range(params.steps)]
        pace = f"{params.rate:g} a second" if params.rate else "as fast as it goes"
        events, size = counted(params.events, "event"), counted(params.bytes, "byte")
        words = f"{events} of {size} in {counted(params.steps, 'step')}, {pace}."
        return Plan(["write"], [Group("steps", names)] if params.steps <= 200 else [], words)

    def total(self, params: LoadParams) -> int:
        return params.steps

    async def run(self, run: Run, params: LoadParams) -> None:
        for number in range(params.steps):
            first = params.events * number // params.steps
            last = params.events * (number + 1) // params.steps
            burst = partial(_write_burst, params, first, last)
            await run.step("write", burst, target=_part_name(number, params))
            await run.progress(number + 1, params.steps)


async def _write_burst(params: LoadParams, first: int, last: int, step: Step) -> None:
    """Write the events `first`..`last`, paced: one step."""
    size = BURST if not params.rate else max(1, min(BURST, int(params.rate / 20)))
    began = time.monotonic()
    for start in range(first, last, size):
        numbers = range(start, min(start + size, last))
        await step.run.append([_output_event(params, step, number) for number in numbers])
        if params.rate:
            due = began + (numbers.stop - first) / params.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _output_event(params: LoadParams, step: Step, number: int) -> NewEvent:
    line = f"{number} ".ljust(params.bytes, "x")
    text = f"{line[: params.bytes - 1]}\n" if params.bytes else ""
    return NewEvent(EventType.STEP_OUTPUT, {"text": text, "stream": "out"}, step.name, step.target)


def _part_name(number: int, params: LoadParams) -> str:
    return f"part-{number + 1:0{len(str(params.steps))}d}"
