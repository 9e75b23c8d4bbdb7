"""From zero: an empty Django project with a kind of its own, the plugin from its wheel, a run of a
live server, the handler broken, the failure read, patched, green."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian.installed import Installed, install_locked, install_package, installed

pytestmark = pytest.mark.timeout(900)

PROJECT = """
[build-system]
requires = ["setuptools>=80"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-kinds"
version = "1.0"

[project.entry-points."reprise.kinds"]
deploy = "acme_kinds:Deploy"

[tool.setuptools]
packages = ["acme_kinds"]
"""
KIND = """
from pydantic import BaseModel

from jobs.kinds import Kind


class Params(BaseModel):
    servers: list[str]


class Deploy(Kind[Params]):
    name = "acme-deploy"
    title = "Deploy at Acme"
    Params = Params

    async def run(self, run, params):
        for server in params.servers:
            await run.step("fetch", fetch, target=server)
            # restart
            await run.step("start", start, target=server)


def fetch(step):
    step.output("fetching\\n")
    return {"version": "1.5.0"}


def start(step):
    return 4711
"""
BROKEN = 'await run.step("drain", start, target=server)'
PATCHED = f"""if await run.patched("drain first"):
                {BROKEN}"""
HARNESS = """
from acme_kinds import Deploy


def test_a_kind_in_the_harness_only(harness):
    ran = harness.run_sync(Deploy, {"servers": ["a"]}, steps={"fetch": OSError("no route")})
    assert ran.status == "failed"
    assert [step.step for step in ran.steps()] == ["fetch"]

"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plugin")
    made.parent.chmod(0o711)  # Postgres runs as another user where we are root
    made.chmod(0o711)
    return made


@pytest.fixture(scope="module")
def package(folder: Path) -> Path:
    """A package with a kind."""
    made = folder / "acme_kinds"
    (made / "acme_kinds").mkdir(parents=True)
    (made / "pyproject.toml").write_text(PROJECT)
    write_kind(made, "")
    return made


@pytest.fixture(scope="module")
def site(folder: Path, package: Path) -> Iterator[Installed]:
    """A live server that knows the kind."""
    with installed(folder, package) as found:
        yield found


@pytest.fixture(scope="module")
def project(site: Installed, package: Path) -> Path:
    """An empty Django project, in an environment with the plugin and the kind's package."""
    install_locked(site.folder, "plugin")
    install_package(site.folder, "plugin", "-e", str(package))
    command = [site.program("plugin", "django-admin"), "startproject", "acme"]
    subprocess.run(command, cwd=site.folder, check=True)
    return site.folder / "acme"


def write_kind(package: Path, instead: str) -> None:
    """Write the package's module, with something done before each restart."""
    (package / "acme_kinds" / "__init__.py").write_text(KIND.replace("# restart", instead))


def replay(site: Installed, project: Path, *words: str, **env: str) -> tuple[int, str]:
    """Run pytest in the project; return its status and what it printed."""
    command = [site.program("plugin", "pytest"), "-p", "no:cacheprovider", *words]
    ran = subprocess.run(
        command, cwd=project, env=site.environment | {"DATABASE_URL": ""} | env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def test_a_run_of_production_is_tomorrows_test(
    site: Installed, project: Path, package: Path
) -> None:
    write_kind(package, "")
    with site.client() as client:
        body = {"kind": "acme-deploy", "params": {"servers": ["web-1", "web-2"]}}
        answer = client.post("/api/jobs", json=body)
        assert answer.status_code == 201, answer.text
    env = {"REPRISE_SERVER": site.url, "REPRISE_TOKEN": site.token()}
    job = str(answer.json()["id"])
    site.run("client", "reprise", "follow", job, **env)
    (project / "corpus").mkdir()
    site.run("client", "reprise", "record", job, "--output", str(project / "corpus"), **env)

    corpus = ("--replay-corpus", "corpus")
    status, said = replay(site, project, *corpus, "--replay-accept")
    assert (status, "2 passed" in said) == (0, True), said
    settings = {"DJANGO_SETTINGS_MODULE": "acme.settings", "PYTHONPATH": str(project)}
    for more in ({}, settings):
        status, said = replay(site, project, *corpus, **more)
        assert (status, "2 passed" in said) == (0, True), said

    write_kind(package, BROKEN)
    status, said = replay(site, project, *corpus)
    assert (status, "1 failed, 1 passed" in said) == (1, True), said
    for words in (f"{job}.ndjson: handler replay", "recorded: ", "asked: ", "start", "drain",
                  "acme_kinds/__init__.py:"):  # fmt: skip
        assert words in said
    assert "Traceback" not in said

    write_kind(package, PATCHED)
    status, said = replay(site, project, *corpus)
    assert (status, "2 passed" in said) == (0, True), said


def test_a_kind_runs_in_the_harness_only(site: Installed, project: Path, package: Path) -> None:
    write_kind(package, "")
    alone = site.folder / "alone"
    alone.mkdir()
    (alone / "test_own.py").write_text(HARNESS)
    status, said = replay(site, alone)
    assert (status, "1 passed" in said) == (0, True), said
    write_kind(package, BROKEN)
    (alone / "test_own.py").write_text(HARNESS.replace("OSError", "str"))
    status, said = replay(site, alone)
    assert (status, "1 failed" in said) == (1, True), said
