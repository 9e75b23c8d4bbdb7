"""What `check_runs` says before a deploy is what workers do after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings
from pydantic import BaseModel

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.kinds import registry
from jobs.replay import checking
from jobs.replay.checking import CheckedRun, Patches
from jobs.run import JobFailed, Run, Step
from tests.integration import runs
from tests.integration.deployed import Handler, at_gate, deployed, deployments, note, ran

pytestmark = pytest.mark.usefixtures("database", "redis")
BEFORE = at_gate("fetch", "switch")


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    with deployments():
        yield


async def patched(run: Run) -> None:
    if await run.patched("drain first"):
        await run.step("drain", note)
    await run.step("fetch", note)
    await run.step("switch", note)
    await run.gate("go")
    if await run.patched("tell others"):
        await run.step("tell others", note)
    await run.step("tell", note)


async def parked(who: Principal) -> UUID:
    """Run version 1 until it waits at its gate, as it might for a day."""
    async with deployed("1", BEFORE):
        job = await runs.submit(who, BEFORE)
        await runs.parked(job)
    ran.clear()
    return job


async def check(job: UUID, handler: Handler) -> CheckedRun:
    runs.Script.does = handler
    [checked] = await in_thread(lambda: list(checking.check_runs([job])))
    return checked


async def approved(who: Principal, job: UUID) -> None:
    await in_thread(commands.approve, who, job)


async def test_a_harmless_change(who: Principal) -> None:
    job, now = await parked(who), at_gate("fetch", "switch", after="announce")
    assert (await check(job, now)).verdict == "fits"
    async with deployed("2", now):
        await approved(who, job)
        await runs.until(job, "succeeded")
    assert ran == ["announce"]


async def test_a_patched_change(who: Principal) -> None:
    job = await parked(who)
    checked = await check(job, patched)
    assert checked.verdict == "fits"
    patches = Patches()
    patches.add(checked, is_finished=False)
    assert patches.needed == {"drain first": 1}
    async with deployed("2", patched):
        await approved(who, job)
        await runs.until(job, "succeeded")
    assert ran == ["tell others", "tell"]
    checked = await check(job, patched)
    assert checked.verdict == "fits"
    patches = Patches()
    patches.add(checked, is_finished=True)
    assert patches.needed == {"drain first": 0, "tell others": 0}


async def test_a_breaking_change(who: Principal) -> None:
    job, now = await parked(who), at_gate("fetch", "exchange")
    checked = await check(job, now)
    assert checked.verdict == "breaks"
    assert checked.divergence is not None
    assert checked.divergence.recorded == "the step switch"
    assert checked.divergence.asked == "the step exchange"
    assert str(checked.divergence.source).startswith("tests/integration/deployed.py:")
    async with deployed("2", now):
        await approved(who, job)
        row = await runs.until_row(job, lambda row: row.status == "waiting" and not row.parked)
    assert (
        "has the step switch next, but the handler asks for the step exchange"
        in (row.waiting_for[0]["reason"])
    )
    assert ran == []


async def test_a_kind_that_is_gone(who: Principal) -> None:
    job = await parked(who)
    with override_settings(REPRISE_KINDS=()):
        registry.forget_kinds()
        checked = await check(job, BEFORE)
        assert (checked.verdict, checked.reason) == (
            "breaks", "The kind test-script is not known.",
        )  # fmt: skip
    registry.forget_kinds()
    await approved(who, job)  # a web process knows the kind, the worker's host does not
    with override_settings(REPRISE_KINDS=()):
        registry.forget_kinds()
        async with runs.working():
            row = await runs.until_row(job, lambda row: row.status == "waiting" and not row.parked)
    registry.forget_kinds()
    assert row.waiting_for == [{"for": "kind", "kind": "test-script"}]


async def test_a_finished_run_only_differs_and_is_found_by_its_kind(who: Principal) -> None:
    async with deployed("1", at_gate("fetch")):
        job = await runs.submit(who, at_gate("fetch"))
        await runs.parked(job)
        await approved(who, job)
        await runs.until(job, "succeeded")
    assert (await check(job, at_gate("get"))).verdict == "differs"
    assert await in_thread(checking.finished_runs, ["test-script"], 5) == [job]
    assert await in_thread(checking.finished_runs, ["load"], 5) == []
    assert await in_thread(checking.unfinished_runs, []) == []


async def paused(who: Principal) -> UUID:
    """Run version 1 until it is paused after its second step, before its third."""

    async def pause(step: Step) -> None:
        await in_thread(steer.pause, who, step.run.job)

    async def does(run: Run) -> None:
        await run.step("fetch", note)
        await run.step("switch", pause)
        await run.step("tell", note)

    async with deployed("1", does):
        job = await runs.submit(who, does)
        await runs.until_row(job, lambda row: row.status == "paused" and row.lease_until is None)
    return job


def failing(error: Exception, *names: str, undo: Any = None) -> Handler:
    """Return a handler that runs these steps, then raises an error of its own."""

    async def does(run: Run) -> None:
        for name in names:
            await run.step(name, note, undo=undo)
        raise error

    return does


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (failing(KeyError("host"), "fetch", "switch"), "The handler broke: KeyError: 'host'"),
        (
            failing(KeyError("ip"), "fetch", "switch", undo=note),
            "The handler broke: KeyError: 'ip'",
        ),
        (failing(KeyError("host"), "fetch"), "The handler broke: KeyError: 'host'"),
        (failing(JobFailed("Not here.")), "Not here."),
    ],
    ids=["after the record", "with an undo", "within the record", "for a reason of its own"],
)
async def test_a_handler_that_fails_by_itself(
    who: Principal, handler: Handler, reason: str
) -> None:
    job = await paused(who)
    checked = await check(job, handler)
    assert checked.verdict == "fails"
    assert checked.divergence is not None
    assert reason in checked.divergence.asked
    assert str(checked.divergence.source).startswith("tests/integration/test_check_runs.py:")
    async with deployed("2", handler):
        await in_thread(steer.resume, who, job)
        row = await runs.until(job, "failed")
    assert row.message == reason


async def test_a_handler_that_fails_within_the_record_and_has_to_put_back(who: Principal) -> None:
    """To put back is a step that the record does not have next: the run is left, not failed."""
    job, now = await paused(who), failing(KeyError("host"), "fetch", undo=note)
    checked = await check(job, now)
    assert checked.verdict == "breaks"
    assert checked.divergence is not None
    assert checked.divergence.asked == "the step undo fetch"
    async with deployed("2", now):
        await in_thread(steer.resume, who, job)
        await runs.until_row(job, lambda row: row.status == "waiting" and not row.parked)


async def test_a_run_whose_recorded_step_failed_ends_as_it_has_to(who: Principal) -> None:
    job = await paused(who)

    async def does(run: Run) -> None:
        await run.step("fetch", note)
        await run.step("switch", note)
        raise JobFailed("gs-1 is not well.", ["gs-1"])

    checked = await check(job, does)
    assert (checked.verdict, checked.reason) == ("fits", "")


class Hosts(BaseModel):
    """Parameters whose field was renamed."""

    hosts: list[str]


async def test_parameters_of_a_run_that_has_not_begun(
    who: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await runs.submit(who, BEFORE)
    monkeypatch.setattr(runs.Script, "Params", Hosts)
    registry.forget_kinds()
    checked = await check(job, BEFORE)
    assert checked.verdict == "fails"
    assert "hosts: Field required." in checked.reason
    async with deployed("2", BEFORE):
        await runs.until(job, "failed")
