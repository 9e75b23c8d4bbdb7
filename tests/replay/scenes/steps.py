"""Scenes of steps: tried again, too slow, put back, left out, by rollout, with output."""

from __future__ import annotations

import asyncio
from typing import Any

from jobs.events import EventType
from jobs.kinds import Group, Plan
from jobs.run import JobFailed, Retry, Run, Step, StepFailed, SyncRun
from tests.integration import runs
from tests.replay.scenes.scene import Scene, Servers, breaks, work


class Retried(Scene):
    name = "corpus-retried"
    title = "Fetch a version from busy servers"
    description = "steps tried again by their policy: at once, after a wait, and given up"
    servers = ("gs-001", "gs-002", "gs-003")

    async def run(self, run: Run, params: Servers) -> Any:
        async def fetch(step: Step) -> dict[str, int]:
            step.output(f"try {step.number}\n")
            if step.number < 3:
                raise ConnectionError("busy")
            return {"size": 4096}

        first, second, third = params.servers
        soon, later = Retry(3, wait=0.01, jitter=False), Retry(3, wait=2, factor=1, jitter=False)
        got = await run.step("fetch", fetch, first, 30, retry=soon, input={"version": "2.1"})
        await run.step("fetch", fetch, second, retry=later, input={"version": "2.1"})
        try:
            await run.step("fetch", breaks, third, retry=Retry(2, wait=0.01, on=(OSError,)))
        except StepFailed as failed:
            await run.skip("switch", third, str(failed))
        return got


class TimedOut(Scene):
    name = "corpus-timed-out"
    title = "Restart a server that hangs"
    description = "a step that takes longer than it may; what came before is put back"
    servers = ("gs-001",)

    async def run(self, run: Run, params: Servers) -> None:
        [server] = params.servers
        await run.step("drain", work, server, undo=work)
        await run.step("restart", runs_for_ever, server, timeout=0.3)


class StuckUndo(Scene):
    name = "corpus-stuck-undo"
    title = "Switch a server that cannot be put back"
    description = "a failed step whose undo fails as well: the run says what is stuck"
    servers = ("gs-001",)

    async def run(self, run: Run, params: Servers) -> None:
        [server] = params.servers
        await run.step("switch", work, server, undo=breaks)
        await run.step("check", breaks, server)


class Broken(Scene):
    name = "corpus-broken"
    title = "A handler with a mistake"
    description = "the handler itself raises, after a step without a target"

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("fetch", work)
        raise KeyError("version")


class CanaryFailed(Scene):
    name = "corpus-canary-failed"
    title = "Update four servers, one first"
    description = "a rollout whose canary fails: it is put back, the rest is left alone"
    servers = ("gs-001", "gs-002", "gs-003", "gs-004")

    def plan(self, params: Servers) -> Plan:
        groups = [Group("canary", params.servers[:1]), Group("batch 1", params.servers[1:])]
        return Plan(["drain", "switch", "check"], groups, "One first, then three.")

    async def run(self, run: Run, params: Servers) -> None:
        async def update(server: str) -> None:
            await run.step("drain", work, server, undo=work)
            await run.step("switch", work, server, undo=work)
            await run.step("check", breaks, server)

        outcome = await run.rollout(
            params.servers, update, batch=3, canary=1, steps=["drain", "switch", "check"]
        )
        raise JobFailed(f"{len(outcome.failed)} failed.", outcome.failed)


class Gathered(Scene):
    name = "corpus-gathered"
    title = "Copy to three servers at once, from a plain function"
    description = "a plain handler; a rollout at once; progress of steps; values that are drawn"
    servers = ("gs-001", "gs-002", "gs-003")

    def plan(self, params: Servers) -> Plan:
        return Plan(["copy"], [Group("all", params.servers)], "All at once.")

    def run(self, run: SyncRun, params: Servers) -> Any:
        async def copy(step: Step) -> str:
            for done in range(1, 4):
                await step.progress(done, 3)
            return f"copied to {step.target}"

        drawn = [str(run.now()), run.random(), str(run.uuid())]
        run.rollout(params.servers, lambda server: run.step("copy", copy, server), batch=3)
        return {"message": "All have it.", "drawn": drawn}


class Placed(Scene):
    name = "corpus-placed"
    title = "Wait for a place on a host"
    description = "a step that waits for room on a host before it begins"
    servers = ("gs-001",)

    async def run(self, run: Run, params: Servers) -> None:
        async def restart(step: Step) -> None:
            async with step.waiting("host-7"):
                await until_place_told(step)
            step.output("restarted\n")

        await run.step("restart", restart, params.servers[0])


class TerminalOutput(Scene):
    name = "corpus-terminal-output"
    title = "Print what a terminal prints"
    description = "output with colours, a bar that overwrites itself, odd characters, two streams"
    servers = ("gs-001",)

    async def run(self, run: Run, params: Servers) -> None:
        async def build(step: Step) -> None:
            step.output("\x1b[1;32mok\x1b[0m compile \x1b[38;5;208mcore\x1b[39m\n")
            for percent in (10, 55, 100):
                step.output(f"\r\x1b[2K{percent:3} %")
            step.output("\n\x1b]8;;https://example.org/log\x1b\\the log\x1b]8;;\x1b\\\n")
            step.output("warning: \x1b[4mdeprecated\x1b[24m\n", "err")
            step.output("line\u2028separator, next\u0085line, 表, e\u0301, \U0001f680\n")
            step.output("half a sequence \x1b[3")
            step.output("1mred\x1b[0m\tand a tab\b!\n")

        await run.step("build", build, params.servers[0])


class OutputQuota(Scene):
    name = "corpus-output-quota"
    title = "Print more than a job may"
    description = "the quota of output is reached: a part is left out, the step's end is kept"
    config = {"job_output_characters": 2_000}

    async def run(self, run: Run, params: Servers) -> None:
        async def shout(step: Step) -> None:
            for number in range(1_000):
                step.output(f"line {number:04}\n")

        await run.step("shout", shout)
        await run.step("whisper", work)


class TooManyEvents(Scene):
    name = "corpus-too-many-events"
    title = "Do more steps than a job may have events"
    description = "the job has as many events as it may: the run fails, whatever its handler does"
    config = {"job_events": 12}

    async def run(self, run: Run, params: Servers) -> None:
        for _ in range(20):
            await run.step("again", work)


class LargeFleet(Scene):
    name = "corpus-large-fleet"
    title = "Switch a fleet whose names do not fit into an event"
    description = "lists of the submission and of the failure that take several events"
    servers = tuple(
        f"gs-{number:03}.{'rack-of-the-long-name.' * 6}example.org" for number in range(480)
    )

    def plan(self, params: Servers) -> Plan:
        return Plan(["switch"], [Group("all", params.servers)], "All at once.")

    async def run(self, run: Run, params: Servers) -> None:
        await run.step("switch", work, params.servers[0])
        raise JobFailed("No server answers.", params.servers)


async def until_place_told(step: Step) -> None:
    """Wait until it is recorded that a step waits for a place."""
    while True:
        begun = await runs.events(step.run.job, EventType.STEP_STARTED)
        if any("place" in event.data for event in begun):
            return
        await asyncio.sleep(0.05)


async def runs_for_ever(step: Step) -> None:
    """Never end."""
    step.output("waiting for an answer\n")
    await runs.never()


SCENES = (
    Retried, TimedOut, StuckUndo, Broken, CanaryFailed, Gathered, Placed, TerminalOutput,
    OutputQuota, TooManyEvents, LargeFleet,
)  # fmt: skip
