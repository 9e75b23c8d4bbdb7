"""A handler that changed under its run: what does not fit the record is refused, clearly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.models import Job
from jobs.run import Run, Step
from tests.integration import runs

pytestmark = pytest.mark.usefixtures("database")
Handler = Callable[[Run], Awaitable[None]]
ran: list[str] = []


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    ran.clear()
    with runs.scripts():
        yield


async def note(step: Step) -> None:
    ran.append(f"{step.name} {step.target}" if step.target else step.name)


def calls(*names: str, after: tuple[str, ...] = ()) -> Handler:
    """Return a handler that runs these steps (`name` or `name target`), waits, and runs others."""

    async def does(run: Run) -> None:
        for name in names:
            step, _, target = name.partition(" ")
            await run.step(step, note, target=target or None)
        await run.wait_for("go")
        for name in after:
            await run.step(name, note)

    return does


async def changed(who: Principal, before: Handler, after: Handler) -> Job:
    """Run a handler until it waits, then go on with another; return how that ended, or was left."""
    async with runs.working():
        job = await runs.submit(who, before)
        await runs.parked(job)
        ran.clear()
        runs.Script.does = after
        await in_thread(commands.send_signal, who, job, "go")
        return await runs.until_row(job, lambda row: row.status == "succeeded" or bool(reason(row)))


def reason(row: Job) -> str:
    """Return why a run was left to another worker; "" if it was not."""
    return str(row.waiting_for[0].get("reason", "")) if row.waiting_for else ""


CHANGED = " Its kind has changed since the run began."


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param(
            calls("fetch gs-1", "switch gs-1"),
            calls("fetch gs-1", "exchange gs-1"),
            "The run cannot go on: its log has the step switch on gs-1 next, but the handler asks"
            " for the step exchange on gs-1.",
            id="renamed",
        ),
        pytest.param(
            calls("fetch", "switch"),
            calls("switch"),
            "The run cannot go on: its log has the step fetch next, but the handler asks for the"
            " step switch.",
            id="removed",
        ),
        pytest.param(
            calls("fetch gs-1", "switch gs-1"),
            calls("switch gs-1", "fetch gs-1"),
            "The run cannot go on: its log has the step fetch on gs-1 next, but the handler asks"
            " for the step switch on gs-1.",
            id="swapped",
        ),
        pytest.param(
            calls("fetch", "fetch"),
            calls("fetch", "drain", "fetch"),
            "The run cannot go on: its log has the step fetch (call 2) next, but the handler asks"
            " for the step drain.",
            id="put-between",
        ),
        pytest.param(
            calls("fetch gs-1", "fetch gs-2"),
            calls("fetch gs-1"),
            "The run cannot end: its log has the step fetch on gs-2, but the handler has ended"
            " without asking for it.",
            id="removed-target",
        ),
    ],
)
async def test_a_handler_that_does_not_fit_stops(
    who: Principal, before: Handler, after: Handler, message: str
) -> None:
    row = await changed(who, before, after)
    assert (row.status, reason(row)) == ("waiting", message + CHANGED)
    assert ran == []


async def test_a_step_more_at_the_end_fits(who: Principal) -> None:
    row = await changed(who, calls("fetch"), calls("fetch", after=("tell",)))
    assert row.status == "succeeded"
    assert ran == ["tell"]


async def test_other_targets_may_be_worked_on_in_another_order(who: Principal) -> None:
    one = calls("fetch gs-1", "switch gs-1", "fetch gs-2", "switch gs-2")
    other = calls("fetch gs-2", "fetch gs-1", "switch gs-1", "switch gs-2")
    assert (await changed(who, one, other)).status == "succeeded"
    assert ran == []


def together(*branches: tuple[str, ...]) -> Handler:
    """Return a handler whose branches run steps without a target, and then wait together."""

    async def branch(run: Run, names: tuple[str, ...]) -> None:
        for name in names:
            await run.step(name, note)

    async def does(run: Run) -> None:
        await run.gather(*(branch(run, names) for names in branches))
        await run.wait_for("go")

    return does


async def test_branches_without_targets_have_no_order(who: Principal) -> None:
    one, other = together(("a", "b"), ("c", "d")), together(("c", "d"), ("a", "b"))
    assert (await changed(who, one, other)).status == "succeeded"
    assert ran == []


async def test_what_a_branch_leaves_out_is_noticed_after_it(who: Principal) -> None:
    row = await changed(who, together(("a", "b"), ("c",)), together(("a",), ("c",)))
    assert reason(row).startswith("The run cannot go on: its log has the step b next")


async def test_a_handler_cannot_overlook_it(who: Principal) -> None:
    async def careless(run: Run) -> None:
        for name in ("tidy", "fetch"):
            try:
                await run.step(name, note)
            except Exception:  # noqa: BLE001 - the carelessness at issue
                continue

    row = await changed(who, calls("fetch"), careless)
    assert reason(row).startswith("The run cannot go on: its log has the step fetch next")
    assert ran == []


async def test_a_run_that_is_stopped_may_take_another_way(who: Principal) -> None:
    async def stopping(run: Run) -> None:
        await run.step("put back", note, always=True)

    async with runs.working():
        job = await runs.submit(who, calls("fetch"))
        await runs.parked(job)
        runs.Script.does = stopping
        await in_thread(commands.cancel, who, job)
        row = await runs.until(job, "succeeded", "failed", "cancelled")
    assert ran == ["fetch", "put back"]
    assert row.status == "cancelled"


async def test_a_step_that_was_left_out_is_not_run_later(who: Principal) -> None:
    async def leaves_out(run: Run) -> None:
        await run.skip("fetch", "gs-1", "not needed")
        await run.wait_for("go")

    row = await changed(who, leaves_out, calls("fetch gs-1"))
    assert reason(row).startswith("The log says that the step fetch is left out")
    assert ran == []
