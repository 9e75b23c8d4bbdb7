"""Job kinds of the browser tests' copy: a question, very many targets, parameters of any form."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from jobs.events import EventType, NewEvent
from jobs.kinds import Group, Kind, Plan
from jobs.run import JobFailed, Run, Step
from tests.support.waiting import auntil

GATE = "canary"


class CarefulParams(BaseModel):
    """Which servers, how long a step takes on each, and a file that each waits for before."""

    servers: list[str] = Field(min_length=1, json_schema_extra={"x-choices": "targets"})
    seconds: float = Field(0.1, ge=0, le=60)
    hold: str = ""


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
            if params.hold:
                await auntil(Path(params.hold).exists, f"the file {params.hold}")
            await asyncio.sleep(params.seconds)

        for number, server in enumerate(params.servers, start=1):
            for name in ("touch", "look"):
                await run.step(name, work, target=server)
            await run.progress(number, len(params.servers))
            if number == 1:
                question = f"Does {server} look well?"
                await run.gate(GATE, question, not_by_submitter=True)


class HalvesParams(BaseModel):
    """How many events of output there are in each half."""

    events: int = Field(200, ge=1, le=10_000)


class Halves(Kind[HalvesParams]):
    name = "test-halves"
    title = "Two halves"
    description = "Says half of what it has to say, waits for a word, and says the rest."
    Params = HalvesParams

    def plan(self, params: HalvesParams) -> Plan:
        return Plan(["say"], [Group("halves", ["first", "second"])], "A half, a question, a half.")

    async def run(self, run: Run, params: HalvesParams) -> None:
        async def say(step: Step) -> None:
            lines = [
                f"{step.target} {number}, é\u2028 }}],data:\n" for number in range(params.events)
            ]
            data = [{"text": line, "stream": "out"} for line in lines]
            made = EventType.STEP_OUTPUT
            await run.append([NewEvent(made, one, step.name, step.target) for one in data])

        await run.step("say", say, target="first")
        await run.gate("middle", "Is everybody there?")
        await run.step("say", say, target="second")


class TalkParams(BaseModel):
    """What is said on each target, event by event, and where a test says that it may go on."""

    parts: list[dict[str, list[str]]] = Field(min_length=1)
    folder: str = ""


class Talk(Kind[TalkParams]):
    """Says what it is told, an event each; after each part but the first it waits for a file."""

    name = "test-talk"
    title = "Talk"
    description = "Says what it is told."
    Params = TalkParams

    def plan(self, params: TalkParams) -> Plan:
        return Plan(["say"], [Group("all", list(params.parts[0]))], "All at once.")

    async def run(self, run: Run, params: TalkParams) -> None:
        async def say(step: Step) -> None:
            for number, part in enumerate(params.parts):
                if number:
                    file = Path(params.folder, str(number))
                    await auntil(file.exists, f"the file {file}")
                data = [{"text": text, "stream": "out"} for text in part.get(step.target or "", ())]
                made = EventType.STEP_OUTPUT
                await run.append([NewEvent(made, one, step.name, step.target) for one in data])

        for target in params.parts[0]:
            await run.step("say", say, target=target)


class NoParams(BaseModel):
    """Nothing to say."""


class Endless(Kind[NoParams]):
    """Goes on and on, until somebody pauses or stops it."""

    name = "test-endless"
    title = "Long talk"
    description = "Talks until it is stopped."
    Params = NoParams

    def plan(self, params: NoParams) -> Plan:
        return Plan(["say"], [Group("all", ["one"])], "A long talk.")

    async def run(self, run: Run, params: NoParams) -> None:
        async def say(step: Step) -> None:
            step.output("a line\n" * 20)
            await asyncio.sleep(0.02)

        for _ in range(5000):
            await run.step("say", say, target="one")


BAD_TARGET = "target-0500"


class WideParams(BaseModel):
    """How many targets there are."""

    targets: int = Field(1000, ge=1, le=2000)


class Wide(Kind[WideParams]):
    """Goes over very many targets, which are names and nothing else."""

    name = "test-wide"
    title = "Wide round"
    description = "Looks at very many targets."
    Params = WideParams

    def plan(self, params: WideParams) -> Plan:
        return Plan(["look", "touch"], [Group("all", _names(params.targets))], "All at once.")

    async def run(self, run: Run, params: WideParams) -> None:
        async def work(step: Step) -> None:
            step.output(f"{step.name} {step.target}\n")
            if step.name == "touch" and step.target == BAD_TARGET:
                raise ValueError("it is loose")

        async def visit(target: str) -> None:
            for name in ("look", "touch"):
                await run.step(name, work, target=target)

        names = _names(params.targets)
        outcome = await run.rollout(names, visit, batch=50, max_failures=5)
        if outcome.failed:
            raise JobFailed("One is loose.", list(outcome.failed))


def _names(count: int) -> list[str]:
    return [f"target-{number:04}" for number in range(count)]


# Too many for one answer: the form has to ask for the rest.
MANY = [
    f"host-{number:05}.row-{number % 40:02}.hall-7.eu-central.example.org"
    for number in range(10_000)
]


class ManyParams(BaseModel):
    """Which of very many hosts."""

    hosts: list[str] = Field(json_schema_extra={"x-choices": "hosts"})


class Many(Kind[ManyParams]):
    """Goes over ten thousand hosts one by one, if it is ever its turn."""

    name = "test-many"
    title = "One by one"
    description = "Looks at ten thousand hosts, each by itself."
    Params = ManyParams

    def choices(self) -> dict[str, list[str]]:
        return {"hosts": MANY}

    def plan(self, params: ManyParams) -> Plan:
        groups = [Group(f"batch {place}", [host]) for place, host in enumerate(params.hosts, 1)]
        return Plan(["look"], groups, f"{len(groups)} hosts, one by one.")

    async def run(self, run: Run, params: ManyParams) -> None:
        pass


class FormParams(BaseModel):
    """What a form has most trouble with."""

    number: int = 0
    script: str = ""
    note: str | None = None
    choice: Literal[1, "1", True] = 1
    names: list[str] = []
    ports: list[dict[str, int]] = []
    value: Any = None


class Forms(Kind[FormParams]):
    """Gives back its parameters as its result."""

    name = "test-forms"
    title = "Form of everything"
    description = "Takes whatever JSON has."
    Params = FormParams

    async def run(self, run: Run, params: FormParams) -> Any:
        async def echo(step: Step) -> Any:
            return params.model_dump(mode="json")

        return await run.step("echo", echo)
