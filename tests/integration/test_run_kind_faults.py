"""A kind's code cannot hurt its worker: what it raises fails its step in words, others go on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from core.db import in_thread
from jobs.run import HandedOver, Parked, Run, Step, StepFailed
from tests.integration import runs
from tests.integration.faults import Handler, araises, fates, raises, somebody

pytestmark = pytest.mark.usefixtures("database", "scripts")


@pytest.fixture
def scripts() -> Iterator[None]:
    with runs.scripts():
        yield


class Own(BaseException):
    """What no `except Exception` catches."""


class Mute(Exception):
    """Its message cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no words")


class Leaves(Exception):
    """Its message ends the process that asks for it."""

    def __str__(self) -> str:
        sys.exit(3)


def deep(levels: int) -> BaseException:
    """Return groups within groups."""
    error: Exception = ValueError("at the bottom")
    for _ in range(levels):
        error = ExceptionGroup("a group", [error])
    return error


# What is raised, and the words that the step fails with.
FAULTS: dict[str, tuple[BaseException, str]] = {
    "exit": (SystemExit(2), "SystemExit: 2"),
    "exit with words": (SystemExit("usage: x"), "SystemExit: usage: x"),
    "interrupt": (KeyboardInterrupt(), "KeyboardInterrupt"),
    "generator exit": (GeneratorExit(), "GeneratorExit"),
    "own": (Own("mine"), "Own: mine"),
    "cancelled": (asyncio.CancelledError(), "CancelledError: cancelled by its own code"),
    "handed over": (HandedOver(), "HandedOver"),
    "parked": (Parked(), "Parked"),
    "mute": (Mute(), "its message cannot be shown: str() raised ValueError"),
    "leaves": (Leaves(), "its message cannot be shown: str() raised SystemExit"),
    "surrogates": (ValueError("a\udc80\x00b"), "a\ufffdb"),
    "group": (
        BaseExceptionGroup("two", [SystemExit(2), ValueError("x")]),
        "BaseExceptionGroup: two (2 sub-exceptions): SystemExit: 2; ValueError: x",
    ),
    "deep group": (deep(3000), "a group (1 sub-exception): ValueError: at the bottom"),
    "recursion": (RecursionError("too deep"), "too deep"),
}


@pytest.mark.parametrize("make", [raises, araises])
async def test_what_a_step_raises_fails_it(
    make: Callable[[BaseException], Callable[..., Any]],
) -> None:
    def handler(error: BaseException) -> Handler:
        return lambda run: run.step("bad", make(error), "gs-1")

    ended = await fates(*(handler(error) for error, _ in FAULTS.values()))
    words = [reported for _, reported in FAULTS.values()]
    assert [one.failures for one in ended] == [[reported] for reported in words]
    assert [one.message for one in ended] == [f"bad: {reported}." for reported in words]
    assert all(one.data["failed_targets"] == ["gs-1"] for one in ended)


@pytest.mark.parametrize("plain", [False, True])
async def test_what_a_handler_raises_fails_its_job(plain: bool) -> None:
    make = raises if plain else araises
    ended = await fates(*(make(error) for error, _ in FAULTS.values()), plain=plain)
    assert {one.status for one in ended} == {"failed"}
    for one, (error, words) in zip(ended, FAULTS.values(), strict=True):
        name = type(error).__name__
        reported = words if words.startswith(name) else f"{name}: {words}"
        assert one.message == f"The handler broke: {reported}"


async def test_a_stop_iteration_fails_a_step_that_a_thread_runs() -> None:
    def next_of_nothing(_: Step) -> Any:
        return next(iter([]))

    async def in_the_database(_: Step) -> Any:
        return await in_thread(next, iter([]))

    async def awaited(run: Run) -> None:
        await run.step("plain", next_of_nothing, timeout=5)

    async def asked(run: Run) -> None:
        await run.step("orm", in_the_database)

    async def raised(run: Run) -> None:
        await run.step("words", raises(StopIteration("gone")))

    ended = await fates(awaited, asked, raised)
    failures = [one.failures for one in ended]
    assert failures == [["StopIteration"], ["StopIteration"], ["StopIteration: gone"]]
    [plain] = await fates(lambda run: next(iter([])), plain=True)
    assert plain.message == "The handler broke: StopIteration"


async def test_a_cancellation_of_its_own_making_is_a_failure() -> None:
    async def itself(_: Step) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def itself_waiting(step: Step) -> None:
        await itself(step)
        await asyncio.sleep(0)

    async def a_child(_: Step) -> None:
        child = asyncio.ensure_future(runs.never())
        child.cancel()
        await child

    async def in_a_group(step: Step) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(itself_waiting(step))
            await asyncio.sleep(0)
            await itself_waiting(step)

    steps = [itself, itself_waiting, a_child, in_a_group]
    ended = await fates(*(partial(_one_step, fn) for fn in steps))
    assert [one.failures for one in ended] == [["CancelledError: cancelled by its own code"]] * 4
    handlers = await fates(*(partial(_bare, fn) for fn in steps))
    assert {one.message for one in handlers} == {
        "The handler broke: CancelledError: cancelled by its own code"
    }


async def _one_step(fn: Any, run: Run) -> None:
    await run.step("own", fn)


async def _bare(fn: Any, run: Run) -> None:
    await fn(None)


async def test_a_step_that_its_handler_cuts_short_has_failed() -> None:
    async def gives_up(run: Run) -> str:
        try:
            async with asyncio.timeout(0.05):
                await run.step("long", lambda _: runs.never())
        except TimeoutError:
            return "gave up"
        return "never"

    [ended] = await fates(gives_up)
    assert (ended.status, ended.failures) == ("succeeded", ["ended by its own run"])


@pytest.mark.parametrize("runs_first", [False, True])
@pytest.mark.parametrize("turns", [1, 4, 7, 10])
async def test_a_step_that_is_cut_short_at_any_moment_ends_once(
    turns: int, runs_first: bool
) -> None:
    """Also while its start, or its end, is being written."""
    running = asyncio.Event()

    async def work(_: Step) -> None:
        running.set()

    async def cuts(run: Run) -> None:
        step = asyncio.create_task(run.step("short", work))
        if runs_first:
            await running.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        step.cancel()
        with suppress(asyncio.CancelledError, StepFailed):
            await step
        await run.step("after", lambda _: None)

    [ended] = await fates(cuts)
    assert ended.status == "succeeded"
    reported = [one.type for one in ended.events if one.step == "short"]
    assert reported in (["step.started", "step.failed"], ["step.started", "step.succeeded"])


async def test_a_timeout_of_its_own_is_not_the_steps() -> None:
    async def inner(_: Step) -> None:
        raise TimeoutError

    async def handler(run: Run) -> None:
        await run.step("inner", inner, timeout=60)

    [ended] = await fates(handler)
    assert ended.failures == ["TimeoutError"]


async def test_branches_and_undos_are_contained_too() -> None:
    undone: list[str] = []

    async def handler(run: Run) -> None:
        for name in ("first", "second"):
            run.undo(name, partial(_undo, run, name, undone))
        run.undo("exits", araises(SystemExit(5)))
        run.undo("raises", raises(Own()))
        await run.gather(run.step("well", lambda _: 1, "gs-1"), araises(SystemExit(2))())

    [ended] = await fates(handler)
    assert undone == ["second", "first"]
    assert ended.message == (
        "The handler broke: SystemExit: 2 Could not be put back: raises, exits."
    )

    async def rollout(run: Run) -> None:
        await run.rollout(["gs-1", "gs-2"], araises(KeyboardInterrupt()))

    [ended] = await fates(rollout)
    assert ended.message == "The handler broke: KeyboardInterrupt"


async def _undo(run: Run, name: str, undone: list[str]) -> None:
    await run.step("put back", lambda _: undone.append(name), name, always=True)


async def test_groups_of_errors_come_down_to_the_runs_own() -> None:
    async def fails(run: Run) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(run.step("bad", raises(ValueError("no disk")), "gs-1"))
            group.create_task(run.step("good", lambda _: None, "gs-2"))

    async def parks(run: Run) -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(run.sleep(0.4))
            group.create_task(run.step("good", lambda _: None, "gs-2"))
        return "slept"

    [ended] = await fates(fails)
    assert ended.message == "bad: no disk."
    who = await in_thread(somebody)
    async with runs.working():
        job = await runs.until(await runs.submit(who, parks), "succeeded", "failed")
    assert (job.status, job.attempt) == ("succeeded", 2)
