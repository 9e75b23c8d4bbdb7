"""`reprise check` and `check_runs`: as processes, against code that is not installed yet."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import pytest

from core.db import in_thread
from jobs.access.visibility import Principal
from jobs.models import Job
from jobs.run import Run
from ops.setup.clone import ROOT
from tests.integration import runs
from tests.integration.deployed import deployed, deployments, note

pytestmark = pytest.mark.usefixtures("database", "redis")
COMMANDS = {"check_runs": ["manage.py", "check_runs"], "reprise": ["-m", "streams.client", "check"]}
KIND = """
from pydantic import BaseModel
from core.db import in_thread
from jobs.kinds import Kind
from jobs.models import Job

class Nothing(BaseModel): pass

class Parcel(Kind[Nothing]):
    name, title, Params = "test-script", "Parcel", Nothing
    async def run(self, run, params):
        await run.step({step!r}, None)
        await run.gate("go")
"""
ALL_FIT = "1 run checked: 1 fit, 0 differs, 0 breaks, 0 fails, 0 unreadable.\n"


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    with deployments():
        yield


@pytest.fixture
async def job(who: Principal) -> UUID:
    """A run that waits at its gate."""

    async def does(run: Run) -> None:
        await run.step("fetch", note)
        await run.gate("go")

    async with deployed("1", does):
        made = await runs.submit(who, does)
        await runs.parked(made)
    return made


def write_kind(folder: Path, step: str = "fetch") -> None:
    """Write the code that is to be deployed."""
    (folder / "parcels.py").write_text(KIND.format(step=step))


async def check_against(
    database: str, code: Path, *words: str, command: str = "check_runs", stderr: int = -1
) -> subprocess.CompletedProcess[str]:
    """Run the command as before a deploy: the new code is not installed yet."""
    env = {**os.environ, "DATABASE_URL": database, "REPRISE_KINDS": "parcels.Parcel"}
    env["TERM"] = "xterm"
    line = [sys.executable, *COMMANDS[command], "--against", str(code), *words]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False
        )

    return await in_thread(run)


@pytest.mark.parametrize("command", COMMANDS)
async def test_it_checks_code_that_is_not_installed(
    command: str, job: UUID, database: str, tmp_path: Path
) -> None:
    write_kind(tmp_path)
    good = await check_against(database, tmp_path, command=command)
    assert (good.returncode, good.stdout, good.stderr) == (0, ALL_FIT, "")
    write_kind(tmp_path, "get")
    bad = await check_against(database, tmp_path, "--json", command=command)
    assert bad.returncode == 1
    assert "1 run does not fit this code." in bad.stderr
    [found] = json.loads(bad.stdout)["runs"]
    assert (found["job"], found["verdict"]) == (str(job), "breaks")
    assert found["divergence"]["source"] == "parcels.py:12"
    unknown = await check_against(database, tmp_path, "--no-such-option", command=command)
    assert unknown.returncode == 2


async def test_a_wheel_is_imported_as_a_folder_is(job: UUID, database: str, tmp_path: Path) -> None:
    wheel = tmp_path / "parcels-2-py3-none-any.whl"
    with ZipFile(wheel, "w") as file:
        file.writestr("parcels.py", KIND.format(step="get"))
    checked = await check_against(database, wheel)
    assert (checked.returncode, "1 breaks" in checked.stdout) == (1, True)


@pytest.mark.parametrize("form", ["folder", "wheel"])
async def test_another_reprise_has_to_be_asked_itself(
    form: str, database: str, tmp_path: Path
) -> None:
    code = tmp_path
    if form == "wheel":
        code = tmp_path / "reprise-2-py3-none-any.whl"
        with ZipFile(code, "w") as file:
            file.writestr("jobs/__init__.py", "")
    else:
        (tmp_path / "jobs").mkdir()
    refused = await check_against(database, code)
    assert refused.returncode == 1
    assert "is a Reprise of its own: run its own check_runs." in refused.stderr


async def test_what_is_neither_a_folder_nor_a_wheel_is_refused(
    database: str, tmp_path: Path
) -> None:
    write_kind(tmp_path)
    refused = await check_against(database, tmp_path / "parcels.py")
    assert refused.returncode == 1
    assert "parcels.py is neither a folder nor a wheel." in refused.stderr
    assert "There is no" in (await check_against(database, tmp_path / "no")).stderr


async def test_a_terminal_sees_a_bar_and_the_output_stays_clean(
    job: UUID, database: str, tmp_path: Path
) -> None:
    write_kind(tmp_path)
    reader, terminal = pty.openpty()
    try:
        checked = await check_against(database, tmp_path, "--json", stderr=terminal)
        seen = os.read(reader, 1 << 16)
    finally:
        os.close(terminal)
        os.close(reader)
    assert b"Checking" in seen
    assert b"1/1" in seen
    assert [one["verdict"] for one in json.loads(checked.stdout)["runs"]] == ["fits"]


async def test_it_writes_nothing_whatever_a_handler_does(
    job: UUID, database: str, tmp_path: Path
) -> None:
    change = "await in_thread(Job.objects.update, title='x')\n        "
    code = KIND.format(step="fetch").replace("await run.step", f"{change}await run.step")
    (tmp_path / "parcels.py").write_text(code)
    checked = await check_against(database, tmp_path)
    assert "cannot execute UPDATE in a read-only transaction" in checked.stdout
    row = await in_thread(Job.objects.get, pk=job)
    assert row.title != "x"
