"""`ops/reprise`: whose address and token it uses, and what it installs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.launcher.reprise import of_copy
from ops.setup import stamps, venv
from ops.setup.clone import ROOT, Clone

ID = "0192f3c1-0000-7000-8000-000000000001"
COPY = "http://127.0.0.1:8000"
OURS = {"REPRISE_SERVER": COPY, "REPRISE_TOKEN": "rp_demo"}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "ready.json").write_text(json.dumps({"url": COPY, "token": "rp_demo"}))
    return tmp_path


@pytest.mark.parametrize("job", [ID, f"{COPY}/jobs/{ID}", f"{COPY}/api/jobs/{ID}"])
def test_a_job_of_the_copy_that_runs_needs_no_token(state: Path, job: str) -> None:
    assert of_copy(state, ["follow", job, "--json"], {}) == OURS


@pytest.mark.parametrize(
    "arguments",
    [
        [f"https://elsewhere.example/jobs/{ID}"],
        [f"{COPY}.elsewhere.example/jobs/{ID}"],
        [ID, "--server", "https://elsewhere.example"],
        [ID, "--server=https://elsewhere.example"],
    ],
)
def test_the_copys_token_goes_nowhere_else(state: Path, arguments: list[str]) -> None:
    assert of_copy(state, ["follow", *arguments], {}) == {}


@pytest.mark.parametrize("name", ["REPRISE_SERVER", "REPRISE_TOKEN"])
def test_what_the_environment_says_goes_first(state: Path, name: str) -> None:
    assert of_copy(state, ["follow", ID], {name: "said"}) == {}


@pytest.mark.parametrize("text", [None, "", "{}", json.dumps({"url": COPY, "token": None})])
def test_without_a_copy_or_its_demo_user_there_is_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "ready.json").write_text(text)
    assert of_copy(tmp_path, ["follow", ID], {}) == {}


@pytest.mark.parametrize(
    "has", [{"service": "of long ago"}, {"service": "x", "dev": "of long ago"}]
)
def test_an_environment_that_has_more_is_left_as_it_is(tmp_path: Path, has: dict[str, str]) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    stamp = tmp_path / "venv" / "reprise.json"
    stamps.write(stamp, **has)
    venv.ensure(Clone(ROOT, tmp_path, tmp_path / "venv"), "client")
    assert stamps.read(stamp) == has
