"""Kinds that other packages bring: found when installed, told of when broken."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.checks import Error, run_checks
from django.test import override_settings

from jobs import commands
from jobs.kinds import registry
from ops.setup.clone import ROOT
from tests.integration.updates import operator, work

MODULE = """
from pydantic import BaseModel
from jobs.kinds import Kind

class Params(BaseModel):
    words: list[str] = ["tea"]

class Brew(Kind[Params]):
    name, title, Params = "brew", "Brew", Params

    async def run(self, run, params):
        async def say(step):
            step.output("\\n".join(params.words))
        await run.step("pour", say)

class Nameless(Kind[Params]):
    title, Params = "Nobody", Params

    async def run(self, run, params):
        pass

class Update(Brew):
    name = "version-update"

nothing = 7
"""
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution with a module and the given entry points, as pip would."""

    def make(module: str, **points: str) -> Path:
        site, name = tmp_path / "site", f"ours_{len(list(tmp_path.iterdir()))}"
        about = site / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (site / f"{name}.py").write_text(module)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{point} = {name}:{value}" for point, value in points.items()]
        (about / "entry_points.txt").write_text("\n".join(["[reprise.kinds]", *lines, ""]))
        monkeypatch.syspath_prepend(str(site))
        registry._find_kinds.cache_clear()
        return site

    yield make
    sys.modules.pop("ours_0", None)
    registry._find_kinds.cache_clear()


def told() -> list[tuple[str, str]]:
    """Return id and message of each of Django's checks that has to do with kinds."""
    errors = [one for one in run_checks() if isinstance(one, Error)]
    return [(one.id or "", one.msg) for one in errors if "job kind" in one.msg]


@pytest.mark.usefixtures("database", "redis")
def test_an_installed_kind_is_there_and_runs(install: Install) -> None:
    install(MODULE, brew="Brew")
    assert [kind.name for kind in registry.all_kinds()] == [
        "version-update", "command", "load", "brew",
    ]  # fmt: skip
    assert told() == []
    [ran] = work(commands.submit(operator(), "brew", {"words": ["milk"]})[0].pk)
    assert ran.ending.type == "job.succeeded"
    assert [event.data["text"] for event in ran.of_type("step.output")] == ["milk"]


def test_one_that_cannot_be_imported_is_told_and_left_out(install: Install) -> None:
    install("import no_such_module_here", brew="Brew", stew="Stew")
    assert told() == [
        (
            "jobs.E001",
            f"The job kind ours_0:{kind} (entry point {point} of ours_0) cannot be used: "
            "ModuleNotFoundError: No module named 'no_such_module_here'.",
        )
        for point, kind in {"brew": "Brew", "stew": "Stew"}.items()
    ]
    assert "brew" not in {kind.name for kind in registry.all_kinds()}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Nameless", "ValueError: it has no name"),
        ("nothing", "TypeError: 7 is not a subclass of jobs.kinds.Kind"),
        ("Gone", "AttributeError: module 'ours_0' has no attribute 'Gone'"),
    ],
)
def test_one_that_is_no_kind_is_told(install: Install, value: str, reason: str) -> None:
    install(MODULE, it=value)
    [(_id, message)] = told()
    assert message.endswith(f"cannot be used: {reason}.")


def test_a_name_is_taken_once(install: Install) -> None:
    install(MODULE, it="Update")
    [(number, message)] = told()
    assert number == "jobs.E002"
    assert "its name 'version-update' is taken by jobs.kinds.version_update.kind" in message


def test_the_setting_is_checked_as_well(install: Install) -> None:
    with override_settings(REPRISE_KINDS=("tests.support.kinds.Say", "tests.support.kinds.Nobody")):
        registry._find_kinds.cache_clear()
        [(_id, message)] = told()
        assert "tests.support.kinds.Nobody (REPRISE_KINDS) cannot be used: ImportError" in message
        assert registry.get_kind("test-say").title == "Say words"


def manage(
    site: Path, folder: Path, *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(site), "REPRISE_STATE": str(folder)} | env
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60
    )


def test_manage_check_says_it_in_a_sentence(install: Install, tmp_path: Path) -> None:
    ran = manage(install("1 / 0", brew="Brew"), tmp_path, "check")
    assert ran.returncode == 1
    assert "(jobs.E001) The job kind ours_0:Brew (entry point brew of ours_0)" in ran.stderr
    assert "ZeroDivisionError: division by zero" in ran.stderr


def test_a_broken_kind_stops_no_command(install: Install, tmp_path: Path, database: str) -> None:
    site = install("1 / 0", brew="Brew")
    for command in ("consumers", "schedules"):
        ran = manage(site, tmp_path, command, "--json", DATABASE_URL=database)
        assert (command, ran.returncode, ran.stderr) == (command, 0, "")
