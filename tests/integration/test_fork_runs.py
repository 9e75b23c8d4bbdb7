"""Forks in a worker: what is kept is not run again, but undone; what was edited does not begin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from core.db import in_thread
from jobs import commands, log
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.commands.fork import fork
from jobs.integrity import verify_job
from jobs.replay.divergence import Divergence
from jobs.replay.handler import replay_handler
from jobs.replay.history import History
from jobs.run import JobFailed, Run, Step
from tests.integration import runs
from tests.support.factories import make_team, make_user
from tests.support.intruder import Intruder

pytestmark = pytest.mark.usefixtures("database", "scripts")
TARGETS = ["gs-1", "gs-2", "gs-3"]


class Work:
    """Steps that note what they did; those named in `bad` break."""

    def __init__(self, *bad: str) -> None:
        self.bad, self.did = set(bad), list[str]()

    async def do(self, step: Step) -> int:
        place = f"{step.name} {step.target or ''}".strip()
        self.did.append(place)
        if place in self.bad:
            raise ValueError("broken")
        return len(self.did)


async def run_fork(who: Principal, job: UUID, **wish: Any) -> UUID:
    made, _new = await in_thread(lambda: fork(who, job, **wish))
    return made.pk


async def replayed(job: UUID) -> Divergence | None:
    """Return where today's handler parts from a fork's history."""
    page = await in_thread(log.read, job)
    history = History(job, runs.Script.name, tuple(page.texts), {})
    return await in_thread(replay_handler, history, runs.Script())


async def test_what_is_kept_is_not_run_again(who: Principal) -> None:
    work, seen = Work("look"), []

    async def does(run: Run) -> Any:
        seen.append([await run.now(), await run.uuid(), await run.random()])
        results = [await run.step(name, work.do) for name in ("go", "look", "tell")]
        return {"results": results}

    job = await runs.submit(who, does)
    async with runs.working():
        await runs.until(job, "failed")
        work.bad.clear()
        again = await run_fork(who, job)
        row = await runs.until(again, "succeeded")
    assert work.did == ["go", "look", "look", "tell"]
    assert seen[0] == seen[1]
    assert row.title == "Do what the test says from step look"
    steps = (await runs.state(again)).steps
    assert [(one.step, one.kept is None, one.result) for one in steps.values()][3:] == [
        ("go", False, 1), ("look", True, 3), ("tell", True, 4),
    ]  # fmt: skip
    assert (await in_thread(verify_job, again)).ok
    assert await replayed(again) is None


async def test_each_target_goes_on_by_itself(who: Principal) -> None:
    work = Work("switch gs-2")

    async def does(run: Run) -> Any:
        async def one(target: str) -> None:
            for name in ("fetch", "switch"):
                await run.step(name, work.do, target=target)

        got = await run.rollout(TARGETS, one, batch=3, max_failures=3)
        if got.failed:
            raise JobFailed("Ill.", got.failed)
        return {"done": got.done}

    job = await runs.submit(who, does, TARGETS)
    async with runs.working():
        await runs.until(job, "failed")
        work.bad.clear()
        work.did.clear()
        again = await run_fork(who, job)
        row = await runs.until(again, "succeeded")
    assert work.did == ["switch gs-2"]
    assert (row.done, row.total, row.failed) == (3, 3, 0)


async def test_what_is_kept_is_undone_where_the_fork_fails(who: Principal) -> None:
    work = Work("look")

    async def does(run: Run) -> Any:
        await run.step("go", work.do, undo=work.do if len(work.did) > 1 else None)
        await run.step("look", work.do)

    job = await runs.submit(who, does)
    async with runs.working():
        await runs.until(job, "failed")
        again = await run_fork(who, job)
        await runs.until(again, "failed")
        assert work.did == ["go", "look", "look", "undo go"]
        # Undone as it is now, the step is no longer there to be kept.
        work.bad.clear()
        third = await run_fork(who, again)
        await runs.until(third, "succeeded")
    assert work.did[4:] == ["go", "look"]


async def test_a_fork_of_a_fork_keeps_what_either_recorded(who: Principal) -> None:
    work = Work("b", "c")

    async def does(run: Run) -> Any:
        for name in ("a", "b", "c"):
            await run.step(name, work.do)

    job = await runs.submit(who, does)
    async with runs.working():
        await runs.until(job, "failed")
        work.bad = {"c"}
        second = await run_fork(who, job)
        await runs.until(second, "failed")
        work.bad.clear()
        third = await run_fork(who, second)
        row = await runs.until(third, "succeeded")
    assert work.did == ["a", "b", "b", "c", "c"]
    assert row.title == "Do what the test says from step c"
    for one in (second, third):
        assert (await in_thread(verify_job, one)).ok


async def test_an_edited_prefix_keeps_the_run_from_beginning(
    who: Principal, intruder: Intruder
) -> None:
    """Edited after the fork was made, and with a chain that holds again."""
    work = Work("look")

    async def does(run: Run) -> Any:
        for name in ("go", "look"):
            await run.step(name, work.do)

    job = await runs.submit(who, does)
    async with runs.working():
        await runs.until(job, "failed")
    work.bad.clear()
    again = await run_fork(who, job)
    texts = await in_thread(intruder.texts, job)
    changed = [text.replace('"result":1', '"result":7') for text in texts]
    assert changed != texts
    await in_thread(intruder.rewrite, job, changed)
    async with runs.working():
        row = await runs.until(again, "failed")
    assert work.did == ["go", "look"]
    assert row.message.startswith("The run cannot begin. The log of job")
    assert "was changed" in row.message
    assert not (await in_thread(verify_job, again)).ok


async def test_todays_code_goes_on_after_what_is_kept_and_may_not_contradict_it(
    who: Principal,
) -> None:
    work = Work("look")

    def handler(*names: str) -> Any:
        async def does(run: Run) -> Any:
            for name in names:
                await run.step(name, work.do)

        return does

    job = await runs.submit(who, handler("go", "look"))
    async with runs.working():
        await runs.until(job, "failed")
        runs.Script.does = handler("go", "check", "see")
        await runs.until(await run_fork(who, job), "succeeded")
        runs.Script.does = handler("prepare", "go", "look")
        row = await runs.until(await run_fork(who, job), "failed")
    assert work.did == ["go", "look", "check", "see"]
    assert "has the step go next, but the handler asks for the step prepare" in row.message


async def test_an_approval_is_asked_for_again(who: Principal) -> None:
    """Of the gate before the start, too: what is kept is no beginning of this run."""
    work = Work("c")

    async def does(run: Run) -> Any:
        await run.step("a", work.do)
        asked = await run.gate("go", "Go on?")
        await run.step("b", work.do)
        await run.step("c", work.do)
        return {"by": asked.by}

    other = await in_thread(lambda: visibility.of_user(make_user("other", team=make_team())))
    with runs.scripts(approvals={"test-script": ("start", "others")}):
        job = await runs.submit(who, does)
        async with runs.working():
            for gate in ("before the start", "go"):
                await runs.parked(job)
                await in_thread(commands.approve, other, job, "", gate)
                await runs.until_row(job, lambda row: not row.parked)
            await runs.until(job, "failed")
            work.bad.clear()
            again = await run_fork(who, job)
            for gate in ("before the start", "go"):
                row = await runs.parked(again)
                assert [wait["gate"] for wait in row.waiting_for] == [gate]
                assert work.did == ["a", "b", "c"]
                await in_thread(commands.approve, other, again, "", gate)
                await runs.until_row(again, lambda row: not row.parked)
            await runs.until(again, "succeeded")
    assert work.did == ["a", "b", "c", "c"]
    assert await replayed(again) is None
