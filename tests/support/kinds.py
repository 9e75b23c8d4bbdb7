"""Job kinds that only tests know."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pydantic import BaseModel, Field

from jobs.kinds import Group, Kind, Plan
from jobs.run import JobFailed, Run, Step, StepFailed, SyncRun


class Words(BaseModel):
    """A list of words, and which of them breaks."""

    words: list[str] = ["a", "b"]
    bad: str | None = None
    hold: bool = False
    claim: list[str] = []
    odd: bool = False  # whether the result is none that can be stored


class Say(Kind[Words]):
    name = "test-say"
    title = "Say words"
    Params = Words
    said: list[str] = []
    go = asyncio.Event()  # what a held word waits for
    spoken = asyncio.Event()  # that one has begun

    def targets(self, params: Words) -> list[str]:
        return params.claim

    async def run(self, run: Run, params: Words) -> dict[str, Any]:
        results = []
        for number, word in enumerate(params.words, start=1):
            try:
                results.append(await run.step("say", self._say(word, params), target=word))
            except StepFailed as failure:
                raise JobFailed(f"Could not say {word}.", failed_targets=[word]) from failure
            await run.progress(number, len(params.words))
        return {"said": results, "odd": {object()} if params.odd else False}

    def _say(self, word: str, params: Words) -> Any:
        async def say(step: Step) -> str:
            step.output(f"{word}\n")
            self.said.append(word)
            self.spoken.set()
            if params.hold:
                await self.go.wait()
            if word == params.bad:
                raise ValueError(f"{word} is a bad word")
            return word.upper()

        return say


class Plain(Kind[Words]):
    name = "test-plain"
    title = "Say words, synchronously"
    Params = Words

    def run(self, run: SyncRun, params: Words) -> dict[str, Any]:
        said = partial(_held if params.hold else _loud)
        return {"said": [run.step("say", partial(said, word)) for word in params.words]}


def _loud(word: str, _: Step) -> str:
    return word.upper()


async def _held(word: str, _: Step) -> str:
    Say.spoken.set()
    await Say.go.wait()
    return word.upper()


class Places(BaseModel):
    """A list of targets, and those of them that are not well."""

    places: list[str] = Field(["gs-1"], json_schema_extra={"x-choices": "targets"})
    ill: list[str] = []


class Visit(Kind[Places]):
    name = "test-visit"
    title = "Visit places"
    Params = Places

    def plan(self, params: Places) -> Plan:
        return Plan(["go", "look"], [Group("all", params.places)])

    async def run(self, run: Run, params: Places) -> None:
        for place in params.places:
            await run.step("go", self._go, target=place)
            if place in params.ill:
                raise JobFailed(f"Not well: {place}.", [place])
            await run.step("look", self._go, target=place)

    async def _go(self, step: Step) -> None:
        step.output("here\n")


PATHS = ("tests.support.kinds.Say", "tests.support.kinds.Plain", "tests.support.kinds.Visit")
