"""Patches: a handler changes on purpose, and runs in flight keep the way that they began."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.events.fold import State, fold_all
from jobs.events.patches import patch_step
from jobs.replay import harness
from jobs.replay.handler import HandlerReplay, replay_handler
from jobs.replay.history import History
from jobs.run import Diverged, Run, SyncRun
from jobs.run.replay import Replay
from tests.unit.replayed_kinds import kind_of, plain_kind_of, ran, work


async def before(run: Run) -> None:
    await run.step("fetch", work)
    await run.gate("go")
    await run.step("tell", work)


async def now(run: Run) -> None:
    if await run.patched("drain first"):
        await run.step("drain", work)
    await run.step("fetch", work)
    await run.gate("go")
    if await run.patched("tell twice"):
        await run.step("tell", work)
    await run.step("tell", work)


def cut_at(history: History, type_: str) -> History:
    """Return a history up to the first event of a type."""
    length = next(event.seq for event in history.events if event.type == type_)
    return History(history.job, history.kind, history.texts[:length], {})


def replay_of(history: History) -> Replay:
    return Replay(fold_all(State(), history.events).steps)


def test_a_new_run_takes_them_and_says_so_once() -> None:
    done = ran(now)
    names = [step.step for step in done.steps()]
    assert names == [
        "patched drain first", "drain", "fetch", "go", "patched tell twice", "tell", "tell",
    ]  # fmt: skip
    assert [event.type for event in done.events if event.step == "patched drain first"] == [
        "step.succeeded"
    ]
    assert replay_handler(done.history, kind_of(now)) is None


def test_a_run_in_flight_takes_those_only_that_it_has_yet_to_come_to() -> None:
    waiting = cut_at(ran(before).history, "job.approval_requested")
    replay = HandlerReplay(waiting, kind_of(now), strict=False)
    assert replay.replay() is None
    assert replay.patches_not_taken == {"drain first"}


def test_one_that_is_over_has_taken_none() -> None:
    replay = HandlerReplay(ran(before).history, kind_of(now))
    assert replay.replay() is None
    assert replay.patches_not_taken == {"drain first", "tell twice"}


def test_the_first_call_decides_for_all_in_an_attempt() -> None:
    replay = replay_of(ran(before).history)
    assert replay.has_patch("x") is False
    for name in ("fetch", "go", "tell"):
        replay.next_call(name, None, strict=True)
    assert replay.has_patch("x") is False
    assert replay.has_patch("y") is None


def test_a_handler_may_stop_asking_for_one() -> None:
    async def later(run: Run) -> None:
        await run.step("drain", work)
        await run.step("fetch", work)
        await run.gate("go")
        await run.step("tell", work)
        await run.step("tell", work)

    assert replay_handler(ran(now).history, kind_of(later)) is None


def test_a_step_of_that_name_is_a_step() -> None:
    async def tricky(run: Run) -> None:
        await run.step("patched kernel", work)

    replay = replay_of(ran(tricky).history)
    assert replay.has_patch("kernel") is False
    with pytest.raises(Diverged):
        replay.check_complete()
    assert patch_step("kernel") == ("patched kernel", {"patched": "kernel"})


def test_branches_that_ask_at_once_write_it_once() -> None:
    async def together(run: Run) -> None:
        async def branch(name: str) -> None:
            assert await run.patched("new")
            await run.step("fetch", work, name)

        await run.gather(*map(branch, ["gs-1", "gs-2", "gs-3"]))

    done = ran(together)
    assert len([event for event in done.events if event.step == "patched new"]) == 1
    assert replay_handler(done.history, kind_of(together)) is None


def test_plain_handlers_have_them_too() -> None:
    def plain(run: SyncRun) -> Any:
        return {"new": run.patched("new")}

    done = harness.run_sync(plain_kind_of(plain))
    assert done.result == {"new": True}
    assert replay_handler(done.history, plain_kind_of(plain)) is None
