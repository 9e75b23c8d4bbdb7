"""How many commits a run of steps takes; no event waits where nothing follows it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.db import in_thread
from jobs import commands
from jobs.log.sql import fetch_rows
from jobs.run import Run, Step, StepFailed, SyncRun
from tests.integration.runs import (
    events,
    never,
    operator,
    scripts,
    state,
    submit,
    submit_plain,
    types,
    until,
    until_row,
    working,
)

pytestmark = pytest.mark.usefixtures("database")

STEPS = 20


@pytest.fixture(autouse=True)
def known():  # type: ignore[no-untyped-def]
    with scripts():
        yield


async def commits_of_run(job: UUID) -> int:
    """Return how many appends the run itself has made: an append is named by its first event."""
    counted = "select count(append_id) from jobs_event where job = %s"
    return int((await in_thread(fetch_rows, counted, [job]))[0][0])


async def do_nothing(_step: Step) -> None:
    return None


async def test_the_end_of_a_step_and_the_start_of_the_next_are_one_commit() -> None:
    who = await in_thread(operator)

    async def does(run: Run) -> None:
        for number in range(STEPS):
            await run.step(f"step {number}", do_nothing)

    async with working():
        job = await submit(who, does)
        await until(job, "succeeded")
    each = [kind for _ in range(STEPS) for kind in ("step.started", "step.succeeded")]
    assert await types(job) == ["job.submitted", "attempt.started", *each, "job.succeeded"]
    assert await commits_of_run(job) == STEPS + 1


async def test_output_is_in_its_place() -> None:
    who = await in_thread(operator)

    async def says(step: Step) -> None:
        step.output("a line\n")

    async def does(run: Run) -> None:
        await run.step("one", says)
        await run.step("two", says)

    async with working():
        job = await submit(who, does)
        await until(job, "succeeded")
    told = [(event.type, event.step) for event in await events(job) if event.step]
    each = ("step.started", "step.output", "step.succeeded")
    assert told == [(kind, step) for step in ("one", "two") for kind in each]


async def test_a_success_is_written_while_the_handler_waits_for_something_else() -> None:
    who = await in_thread(operator)
    go_on = asyncio.Event()

    async def does(run: Run) -> None:
        await run.step("one", do_nothing)
        await go_on.wait()

    async with working():
        job = await submit(who, does)
        await until_row(job, lambda row: row.head == 4)
        assert await types(job) == [
            "job.submitted", "attempt.started", "step.started", "step.succeeded"
        ]  # fmt: skip
        go_on.set()
        await until(job, "succeeded")


async def test_who_stops_a_run_between_two_steps_has_the_next_one_not_begin() -> None:
    who = await in_thread(operator)

    async def does(run: Run) -> None:
        async def stops(_step: Step) -> None:
            await in_thread(commands.cancel, who, str(run.job))

        await run.step("one", stops)
        await run.step("two", do_nothing)

    async with working():
        job = await submit(who, does)
        await until(job, "cancelled")
    assert (await types(job))[2:] == [
        "step.started", "job.cancel_requested", "step.succeeded", "job.cancelled"
    ]  # fmt: skip


async def test_who_pauses_a_run_between_two_steps_has_the_next_one_wait() -> None:
    who = await in_thread(operator)
    called: list[str] = []

    async def does(run: Run) -> None:
        async def pauses(step: Step) -> None:
            called.append(step.name)
            await in_thread(commands.pause, who, str(run.job))

        async def notes(step: Step) -> None:
            called.append(step.name)

        await run.step("one", pauses)
        await run.step("two", notes)

    async with working():
        job = await submit(who, does)
        await until_row(job, lambda row: row.status == "paused" and row.lease_until is None)
        assert (await types(job))[-1] == "step.succeeded"
        await in_thread(commands.resume, who, str(job))
        await until(job, "succeeded")
    assert called == ["one", "two"]


async def test_a_run_that_leaves_its_worker_keeps_the_last_success() -> None:
    who = await in_thread(operator)
    called: list[str] = []

    async def does(run: Run) -> None:
        async def notes(step: Step) -> None:
            called.append(step.name)
            if run.attempt == 1:
                run.hand_over()

        await run.step("one", notes)
        await run.step("two", notes)

    async with working():
        job = await submit(who, does)
        await until(job, "succeeded")
    assert called == ["one", "two"]


async def test_a_result_that_cannot_be_stored_fails_its_own_step() -> None:
    who = await in_thread(operator)
    raised: list[str] = []

    async def does(run: Run) -> None:
        try:
            await run.step("large", returns_much)
        except StepFailed as error:
            raised.append(error.step)
        await run.step("next", do_nothing)

    async def returns_much(_step: Step) -> str:
        return "x" * 100_000

    async with working():
        job = await submit(who, does)
        await until(job, "succeeded")
    assert raised == ["large"]
    steps = (await state(job)).steps.values()
    assert [(step.step, step.status) for step in steps] == [
        ("large", "failed"), ("next", "succeeded")
    ]  # fmt: skip


async def test_branches_keep_their_own_order() -> None:
    who = await in_thread(operator)
    targets = [f"t{number}" for number in range(8)]

    async def does(run: Run) -> None:
        async def one(target: str) -> None:
            for name in "abc":
                await run.step(name, do_nothing, target)

        await run.gather(*map(one, targets))

    async with working():
        job = await submit(who, does)
        await until(job, "succeeded")
    told = [event for event in await events(job) if event.step]
    each = [(name, kind) for name in "abc" for kind in ("step.started", "step.succeeded")]
    for target in targets:
        assert [(one.step, one.type) for one in told if one.target == target] == each


async def test_an_ordinary_handler_gets_a_result_after_its_commit() -> None:
    who = await in_thread(operator)
    known: list[int] = []

    def does(run: SyncRun) -> None:
        run.step("one", lambda _step: None)
        counted = "select head from jobs_job where id = %s"
        known.append(fetch_rows(counted, [run.job])[0][0])

    async with working():
        job = await submit_plain(who, does)
        await until(job, "succeeded")
    assert known == [4]


async def test_a_run_that_is_ended_by_force_has_every_success() -> None:
    who = await in_thread(operator)

    async def does(run: Run) -> None:
        await run.step("one", do_nothing)
        await never()

    async with working():
        job = await submit(who, does)
        await until_row(job, lambda row: row.head == 4)
        await in_thread(commands.cancel, who, str(job))
        await until(job, "cancelled")
    assert (await types(job))[2:4] == ["step.started", "step.succeeded"]
