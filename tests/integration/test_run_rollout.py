"""Rollouts, and putting back: what fails or is stopped is undone in reverse, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.events import EventType
from jobs.run import JobFailed, Run, Step, StepFailed, SyncRun
from tests.integration import runs
from tests.integration.test_run_words import tell

pytestmark = pytest.mark.usefixtures("database", "scripts")
FIVE = [f"gs-{number}" for number in range(1, 6)]


class Fleet:
    """What was done on which target; some fail, one waits until it is let go.

    But for the first target's, nothing ends before `together` have been at it at once.
    """

    def __init__(self, *bad: str, held: str = "", together: int = 1) -> None:
        self.bad, self.held, self.together = set(bad), held, together
        self.met = asyncio.Event()
        self.did: list[str] = []
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.at_once = self.most = 0

    async def do(self, step: Step) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.did.append(f"{step.name} {step.target}")
        if self.at_once == self.together:
            self.met.set()
        if step.target != FIVE[0]:
            await self.met.wait()
        if step.target == self.held and step.name == "switch":
            self.begun.set()
            await self.go.wait()
        self.at_once -= 1
        if f"{step.name} {step.target}" in self.bad:
            raise ValueError("broken")

    def of(self, target: str) -> list[str]:
        return [each.split(" gs")[0] for each in self.did if each.endswith(target)]

    async def update(self, run: Run, target: str) -> None:
        for name in ("fetch", "switch"):
            await run.step(name, self.do, target=target, undo=self.do)


def rolls(fleet: Fleet, targets: list[str] = FIVE, **how: Any) -> Any:
    """Return a handler that rolls out over targets and returns the outcome."""

    async def does(run: Run) -> dict[str, list[str]]:
        async def one(target: str) -> None:
            await fleet.update(run, target)

        got = await run.rollout(targets, one, **how)
        return {sort: getattr(got, sort) for sort in ("done", "failed", "stuck", "skipped")}

    return does


async def result(job: Any) -> Any:
    return (await runs.events(job, "job.succeeded"))[0].data["result"]


async def test_canaries_go_first_and_then_batches(who: Principal) -> None:
    fleet = Fleet(together=2)
    async with runs.working():
        job = await runs.submit(who, rolls(fleet, batch=2, canary=1))
        await runs.until(job, "succeeded")
    assert (await result(job))["done"] == FIVE
    assert fleet.did[:2] == ["fetch gs-1", "switch gs-1"]
    assert fleet.most == 2
    told = [event.data for event in await runs.events(job, "job.progressed")]
    assert [(one["done"], one["total"], one["failed"]) for one in told] == [
        (done, 5, 0) for done in range(1, 6)
    ]


async def test_a_target_that_fails_is_put_back_in_reverse_and_the_rest_goes_on(
    who: Principal,
) -> None:
    fleet = Fleet("switch gs-2")
    async with runs.working():
        job = await runs.submit(who, rolls(fleet, batch=2, max_failures=1))
        await runs.until(job, "succeeded")
    assert fleet.of("gs-2") == ["fetch", "switch", "undo switch", "undo fetch"]
    assert await result(job) == {
        "done": ["gs-1", "gs-3", "gs-4", "gs-5"], "failed": ["gs-2"], "stuck": [], "skipped": [],
    }  # fmt: skip


async def test_past_the_threshold_the_rest_is_left_alone(who: Principal) -> None:
    fleet = Fleet("fetch gs-1")
    async with runs.working():
        job = await runs.submit(who, rolls(fleet, batch=2, canary=1, steps=("fetch", "switch")))
        await runs.until(job, "succeeded")
    assert (await result(job))["skipped"] == FIVE[1:]
    skipped = await runs.events(job, "step.skipped")
    assert [event.target for event in skipped] == [name for name in FIVE[1:] for _ in range(2)]
    assert skipped[0].data["reason"] == "stopped after 1 failed"


async def test_what_cannot_be_put_back_is_stuck(who: Principal) -> None:
    fleet = Fleet("switch gs-1", "undo switch gs-1")
    async with runs.working():
        job = await runs.submit(who, rolls(fleet, FIVE[:1], max_failures=1))
        await runs.until(job, "succeeded")
    assert (await result(job))["stuck"] == ["gs-1"]
    assert fleet.of("gs-1")[-1] == "undo fetch"  # the older step is put back all the same


async def test_a_stopped_rollout_puts_back_what_it_began_and_keeps_what_is_done(
    who: Principal,
) -> None:
    fleet = Fleet(held="gs-2")
    async with runs.working():
        job = await runs.submit(who, rolls(fleet))
        await fleet.begun.wait()
        await in_thread(commands.cancel, who, job)
        row = await runs.until(job, "cancelled")
    assert row.message == "Stopped on request: 1 of 5 targets done."
    assert fleet.of("gs-1") == ["fetch", "switch"]
    assert fleet.of("gs-2") == ["fetch", "switch", "undo switch", "undo fetch"]
    assert fleet.of("gs-3") == []


async def test_after_the_canaries_somebody_is_asked(who: Principal) -> None:
    fleet = Fleet()
    async with runs.working():
        handler = rolls(fleet, batch=4, canary=1, pause_after_canary=True)
        job = await runs.submit(who, handler)
        [wait] = (await runs.parked(job)).waiting_for
        assert wait["words"] == "1 target went first. Go on with 4 targets more?"
        assert fleet.did == ["fetch gs-1", "switch gs-1"]
        await tell(job, EventType.JOB_APPROVED, {"gate": wait["gate"]})
        await runs.until(job, "succeeded")
    assert (await result(job))["done"] == FIVE
    assert fleet.of("gs-1") == ["fetch", "switch"]


async def test_a_rejection_after_the_canaries_leaves_the_rest_alone(who: Principal) -> None:
    fleet = Fleet()
    async with runs.working():
        handler = rolls(fleet, canary=1, pause_after_canary=True, steps=("fetch",))
        job = await runs.submit(who, handler)
        [wait] = (await runs.parked(job)).waiting_for
        await tell(job, EventType.JOB_REJECTED, {"gate": wait["gate"], "reason": "slow"})
        row = await runs.until(job, "failed")
    assert row.message == "Rejected at the gate after canary by ann: slow"
    assert fleet.did == ["fetch gs-1", "switch gs-1"]  # the canary stays as it is
    assert len(await runs.events(job, "step.skipped")) == 4


async def test_a_paused_rollout_begins_nothing_until_it_is_resumed(who: Principal) -> None:
    fleet = Fleet(held="gs-1")
    async with runs.working():
        job = await runs.submit(who, rolls(fleet, batch=2))
        await fleet.begun.wait()
        await tell(job, EventType.JOB_PAUSED, {})
        fleet.go.set()
        await runs.until_row(job, lambda row: row.lease_until is None)
        assert fleet.of("gs-3") == []
        await tell(job, EventType.JOB_RESUMED, {})
        await runs.until(job, "succeeded")
    assert (await result(job))["done"] == FIVE
    assert len(fleet.did) == len(set(fleet.did))


async def test_without_a_rollout_a_failing_run_puts_back_everything(who: Principal) -> None:
    fleet = Fleet("fetch gs-2", "undo fetch gs-1")

    async def does(run: Run) -> None:
        run.undo(None, lambda: run.step("tidy", fleet.do, always=True))
        await run.step("fetch", fleet.do, target="gs-1", undo=fleet.do)
        await run.step("fetch", fleet.do, target="gs-2", undo=fleet.do)

    async with runs.working():
        job = await runs.submit(who, does)
        row = await runs.until(job, "failed")
    assert fleet.did[2:] == ["undo fetch gs-2", "undo fetch gs-1", "tidy None"]
    assert row.message == "fetch: broken. Could not be put back: gs-1."


async def test_what_was_put_back_before_a_takeover_is_not_put_back_again(who: Principal) -> None:
    fleet = Fleet("switch gs-1")

    async def does(run: Run) -> None:
        async def leave() -> None:
            if run.attempt == 1:
                run.hand_over()

        for name in ("fetch", "switch"):
            await run.step(name, fleet.do, target="gs-1", undo=fleet.do)
            if name == "fetch":
                run.undo("gs-1", leave)

    async with runs.working():
        job = await runs.submit(who, does)
        assert (await runs.until(job, "failed")).attempt == 2
    assert fleet.of("gs-1") == ["fetch", "switch", "undo switch", "undo fetch"]


async def test_a_success_keeps_everything(who: Principal) -> None:
    fleet = Fleet()

    async def does(run: Run) -> None:
        await fleet.update(run, "gs-1")

    async with runs.working():
        await runs.until(await runs.submit(who, does), "succeeded")
    assert fleet.of("gs-1") == ["fetch", "switch"]


async def test_an_ordinary_function_rolls_out_and_puts_back(who: Principal) -> None:
    fleet = Fleet("fetch gs-2")

    def does(run: SyncRun) -> None:
        def one(target: str) -> None:
            def tidy() -> None:
                run.step("tidy", fleet.do, target=target, always=True)

            run.undo(target, tidy)
            run.sleep(0.5, name=f"settle {target}")
            run.step("fetch", fleet.do, target=target)

        got = run.rollout(FIVE[:3], one, batch=3, max_failures=3)
        raise JobFailed("Some failed.", got.failed)

    async with runs.working():
        job = await runs.submit_plain(who, does)
        row = await runs.until(job, "failed")
    assert await runs.events(job, "job.waiting")
    assert row.message == "Some failed."
    assert sorted(fleet.did) == ["fetch gs-1", "fetch gs-2", "fetch gs-3", "tidy gs-2"]


async def test_gather_runs_no_more_than_its_limit(who: Principal) -> None:
    fleet = Fleet("fetch gs-2", together=2)

    async def does(run: Run) -> None:
        work = [run.step("fetch", fleet.do, target=target) for target in FIVE]
        with pytest.raises(StepFailed):
            await run.gather(*work, limit=2)

    async with runs.working():
        await runs.until(await runs.submit(who, does), "succeeded")
    assert (fleet.most, len(fleet.did)) == (2, 5)
