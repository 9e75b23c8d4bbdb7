"""What `check_runs` says before a deploy is what workers do after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.test import override_settings

from core.db import in_thread
from jobs import commands
from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.models import Job
from jobs.replay import checking
from jobs.replay.checking import CheckedRun, Patches
from jobs.run import Run
from tests.integration import runs
from tests.integration.deployed import Handler, at_gate, deployed, deployments, note, ran

pytestmark = pytest.mark.usefixtures("database", "redis")
BEFORE = at_gate("fetch", "switch")


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    with deployments():
        yield


@pytest.fixture
def who(database: str) -> Principal:
    return runs.operator()


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


KIND = """
from pydantic import BaseModel
from core.db import in_thread
from jobs.kinds import Kind
from jobs.models import Job

class Nothing(BaseModel): pass

class Parcel(Kind[Nothing]):
    name, title, Params = "parcel", "Parcel", Nothing
    async def run(self, run, params):
        await run.step({step!r}, None)
        await run.gate("go")
"""


def check_against(database: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as before a deploy: the new code is not installed yet."""
    env = {**os.environ, "DATABASE_URL": database, "REPRISE_KINDS": "parcels.Parcel"}
    root = Path(__file__).parents[2]
    line = [sys.executable, "manage.py", "check_runs", "--against", str(folder), *words]
    return subprocess.run(line, cwd=root, env=env, capture_output=True, text=True, check=False)


async def test_the_command_checks_code_that_is_not_installed(
    who: Principal, database: str, tmp_path: Path
) -> None:
    async def runs_fetch(run: Run) -> None:
        await run.step("fetch", note)
        await run.gate("go")

    async with deployed("1", runs_fetch):
        job = await runs.submit(who, runs_fetch)
        await runs.parked(job)
    kind = KIND.replace('"parcel"', '"test-script"')
    (tmp_path / "parcels.py").write_text(kind.format(step="fetch"))
    good = await in_thread(check_against, database, tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == "1 run checked: 1 fit, 0 differs, 0 breaks, 0 unreadable.\n"
    (tmp_path / "parcels.py").write_text(kind.format(step="get"))
    bad = await in_thread(check_against, database, tmp_path, "--json")
    assert bad.returncode == 1
    assert "1 run does not fit this code." in bad.stderr
    [found] = json.loads(bad.stdout)["runs"]
    assert (found["job"], found["verdict"]) == (str(job), "breaks")
    assert found["divergence"]["source"] == "parcels.py:12"


async def test_the_command_writes_nothing_whatever_a_handler_does(
    who: Principal, database: str, tmp_path: Path
) -> None:
    async with deployed("1", BEFORE):
        job = await runs.submit(who, BEFORE)
        await runs.parked(job)
    kind = KIND.replace('"parcel"', '"test-script"').format(step="fetch")
    change = "await in_thread(Job.objects.update, title='x')\n        "
    (tmp_path / "parcels.py").write_text(kind.replace("await run.step", f"{change}await run.step"))
    checked = await in_thread(check_against, database, tmp_path)
    assert "1 run checked" in checked.stdout
    row = await in_thread(Job.objects.get, pk=job)
    assert row.title != "x"
