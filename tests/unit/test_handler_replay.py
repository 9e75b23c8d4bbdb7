"""Runs of every sort, recorded: their own handlers replay them, whole and cut off anywhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs.kinds import Kind
from jobs.replay import harness
from jobs.replay.handler import replay_handler
from jobs.replay.harness import each_try
from jobs.replay.history import History
from jobs.run import Cancelled, JobFailed, Retry, Run, Step, StepFailed, Stopped, SyncRun
from tests.unit.replayed_kinds import kind_of, plain_kind_of, work

SERVERS = ["gs-1", "gs-2", "gs-3", "gs-4", "gs-5"]


async def endless(_: Step) -> None:
    await asyncio.sleep(10**9)


async def values(run: Run) -> Any:
    drawn = [str(await run.now()), await run.random(), str(await run.uuid())]
    await run.sleep(3600)
    return {"drawn": drawn, "then": str(await run.now())}


async def retries(run: Run) -> None:
    await run.step("fetch", work, retry=Retry(3), timeout=5)
    await run.gather(*(run.step("switch", work, name, retry=Retry(2)) for name in SERVERS))


async def times_out(run: Run) -> None:
    try:
        await run.step("hang", endless, timeout=5)
    except StepFailed:
        await run.step("tidy", work)
        raise


async def gates(run: Run) -> Any:
    approval = await run.gate("go", "Really?", timeout=600)
    data = await run.wait_for("word", timeout=600)
    return {"by": approval.by, "data": data}


async def rollout(run: Run) -> Any:
    async def update(name: str) -> None:
        await run.step("drain", work, name)
        await run.step("switch", work, name, undo=work)
        await run.step("health", work, name, retry=Retry(2))
        await run.step("undrain", work, name, always=True)

    try:
        outcome = await run.rollout(
            SERVERS, update, batch=2, canary=1, max_failures=1, pause_after_canary=True,
            steps=["drain", "switch"],
        )  # fmt: skip
    except Stopped as stop:
        raise Cancelled(f"Stopped: {len(stop.outcome.done)} done.") from None
    if outcome.failed:
        raise JobFailed("Not well.", outcome.failed)
    return {"done": outcome.done}


def plain(run: SyncRun) -> Any:
    def update(name: str) -> None:
        run.step("fetch", str, name)
        run.step("switch", str, name, undo=str)

    run.sleep(60)
    outcome = run.rollout(SERVERS, update, batch=2)
    return {"failed": outcome.failed, "at": str(run.now())}


async def ends_its_own_step(run: Run) -> None:
    try:
        async with asyncio.timeout(5):
            await run.step("hang", endless)
    except TimeoutError:
        await run.step("tidy", work)


async def breaks(run: Run) -> None:
    await run.step("fetch", work)
    raise ValueError("a mistake")


BAD = OSError("busy")
RUNS: dict[str, tuple[Kind[Any], dict[str, Any]]] = {
    "values": (kind_of(values), {}),
    "retries": (kind_of(retries), {"steps": {"switch": each_try(BAD, 1), "fetch": each_try(BAD)}}),
    "timeout": (kind_of(times_out), {}),
    "gates": (kind_of(gates), {"signals": {"word": [1, 2]}}),
    "rejected": (kind_of(gates), {"approvals": False}),
    "unanswered": (kind_of(gates), {"approvals": None}),
    "no-signal": (kind_of(gates), {}),
    "stopped-at-gate": (kind_of(gates), {"cancel_at": "go"}),
    "stopped-at-sleep": (kind_of(values), {"cancel_at": "sleep"}),
    "rollout": (kind_of(rollout), {}),
    "one-failed": (kind_of(rollout), {"steps": {("health", "gs-2"): BAD}}),
    "canary-failed": (kind_of(rollout), {"steps": {("health", "gs-1"): BAD}}),
    "too-many": (kind_of(rollout), {"steps": {("health", "gs-2"): BAD, ("drain", "gs-3"): BAD}}),
    "stuck": (kind_of(rollout), {"steps": {("health", "gs-2"): BAD, ("undo switch", "gs-2"): BAD}}),
    "not-approved": (kind_of(rollout), {"approvals": {"after canary": False}}),
    "stopped": (kind_of(rollout), {"cancel_at": ("switch", "gs-2")}),
    "stopped-at-canary": (kind_of(rollout), {"cancel_at": "after canary"}),
    "plain": (plain_kind_of(plain), {}),
    "plain-failed": (plain_kind_of(plain), {"steps": {("switch", "gs-2"): BAD}}),
    "plain-stopped": (plain_kind_of(plain), {"cancel_at": ("fetch", "gs-2")}),
    "own-cancel": (kind_of(ends_its_own_step), {}),
    "breaks": (kind_of(breaks), {}),
}


@pytest.mark.parametrize("name", RUNS)
def test_its_own_handler_replays_it_whole_and_cut_off_anywhere(name: str) -> None:
    kind, script = RUNS[name]
    history = harness.run_sync(kind, {"servers": SERVERS}, **script).history
    assert replay_handler(history, kind) is None
    for length in range(1, len(history.texts)):
        part = History(history.job, history.kind, history.texts[:length], {})
        assert str(replay_handler(part, kind)) == "None", length
        found = str(replay_handler(part, kind, strict=False))
        about_to_break = name == "breaks" and length == len(history.texts) - 1
        assert ("a mistake" in found) if about_to_break else (found == "None"), length


def test_nothing_is_executed() -> None:
    called: list[str] = []

    async def note(step: Step) -> None:
        called.append(step.name)

    async def does(run: Run) -> None:
        await run.step("fetch", note, undo=note)
        await run.step("switch", note)

    history = harness.run_sync(kind_of(does), steps={"switch": BAD}).history
    assert called == ["fetch", "undo fetch"]
    called.clear()
    for length in range(1, len(history.texts) + 1):
        part = History(history.job, history.kind, history.texts[:length], {})
        assert replay_handler(part, kind_of(does)) is None
    assert called == []


async def test_it_can_be_called_from_a_running_loop() -> None:
    ran = await harness.run(kind_of(breaks))
    assert replay_handler(ran.history, kind_of(breaks)) is None


def test_a_handler_that_waits_for_nothing_is_told() -> None:
    async def hangs(run: Run) -> None:
        await run.step("fetch", work)
        await asyncio.Event().wait()

    history = harness.run_sync(kind_of(breaks)).history
    found = replay_handler(history, kind_of(hangs))
    assert found is not None
    assert found.asked == "a wait for something that never comes"
