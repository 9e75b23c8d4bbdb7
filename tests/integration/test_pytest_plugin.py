"""The pytest plugin, in projects of its own: no settings, a kind from an entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.setup.clone import ROOT

pytest_plugins = "pytester"

PLUGIN = ROOT / "distributions" / "pytest-reprise"
KINDS = """
from pydantic import BaseModel
from jobs.kinds import Kind


class Params(BaseModel):
    name: str


class Greet(Kind[Params]):
    name = "greet"
    title = "Greet somebody"
    Params = Params

    async def run(self, run, params):
        found = await run.step("find", look)
        await run.step("say", say)
        return found


def look(step):
    return 3


def say(step):
    step.output("hello")
"""
MAKE = """
import pathlib
import greetings


def test_it_greets(harness):
    ran = harness.run_sync(greetings.Greet, {"name": "Ada"}, steps={"find": 5})
    assert (ran.status, ran.result) == ("succeeded", 5)
    ran.save(pathlib.Path("corpus/greet.ndjson"))
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with a kind of its own as a package, and the plugin."""
    for name in ("DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{PLUGIN}:{pytester.path}")
    pytester.makepyfile(greetings=KINDS)
    package = pytester.mkdir("greetings-1.0.dist-info")
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[reprise.kinds]\ngreet = greetings:Greet\n")
    pytester.makeini("[pytest]\nasyncio_mode = auto\n")
    pytester.mkdir("corpus")
    return pytester


@pytest.fixture
def corpus(project: pytest.Pytester) -> Path:
    """A history of that kind, made by the harness, and its states."""
    project.makepyfile(test_make=MAKE)
    run(project, "test_make.py").assert_outcomes(passed=1)
    (project.path / "test_make.py").unlink()
    run(project, "--replay-corpus", "corpus", "--replay-accept").assert_outcomes(passed=2)
    return project.path / "corpus"


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    plain = ("-p", "pytest_reprise.plugin", "-p", "no:randomly", "-p", "no:cacheprovider")
    return project.runpytest_subprocess(*plain, *words)


def test_each_history_gives_a_test_for_each_kind_of_replay(
    project: pytest.Pytester, corpus: Path
) -> None:
    found = run(project, "--replay-corpus", "corpus", "-v")
    found.assert_outcomes(passed=2)
    found.stdout.fnmatch_lines(["*greet.ndjson::fold PASSED*", "*greet.ndjson::handler PASSED*"])
    run(project, "--replay-corpus", "corpus", "--replay", "fold").assert_outcomes(passed=1)


def test_a_broken_handler_reads_like_a_review(project: pytest.Pytester, corpus: Path) -> None:
    broken = KINDS.replace('run.step("say", say)', 'run.step("shout", say)')
    (project.path / "greetings.py").write_text(broken)
    found = run(project, "--replay-corpus", "corpus")
    found.assert_outcomes(passed=1, failed=1)
    text = found.stdout.str()
    for words in ("greet.ndjson: handler replay", "recorded: ", "asked: ", "say", "shout",
                  "greetings.py:"):  # fmt: skip
        assert words in text
    assert "Traceback" not in text
    found = run(project, "--replay-corpus", "corpus", "--replay-shrink")
    found.stdout.fnmatch_lines(["* of its * events fail in the same way: greet.shrunk.ndjson"])
    run(project, "--replay-corpus", "corpus").assert_outcomes(passed=1, failed=1)


def test_a_changed_history_is_named_by_its_line(project: pytest.Pytester, corpus: Path) -> None:
    path = corpus / "greet.ndjson"
    path.write_text(path.read_text().replace('"hello', '"hullo', 1))
    found = run(project, "--replay-corpus", "corpus")
    found.assert_outcomes(failed=2)
    found.stdout.re_match_lines([r"greet.ndjson: Line \d+: event \d+ was changed.*"])


def test_a_state_that_differs_shows_both_sides(project: pytest.Pytester, corpus: Path) -> None:
    states = corpus / "greet.states.ndjson"
    lines = states.read_text().splitlines()
    changes = json.loads(lines[-1])
    changes["summary"]["status"] = "failed"
    states.write_text("\n".join([*lines[:-1], json.dumps(changes)]))
    found = run(project, "--replay-corpus", "corpus", "--replay", "fold")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(['*recorded: "failed"', '*today:    "succeeded"'])


def test_without_states_it_says_how_to_get_them(project: pytest.Pytester, corpus: Path) -> None:
    (corpus / "greet.states.ndjson").unlink()
    found = run(project, "--replay-corpus", "corpus", "--replay", "fold")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["*Run once with --replay-accept*"])
    assert not (corpus / "greet.states.ndjson").exists()


def test_no_history_is_replayed_twice(project: pytest.Pytester, corpus: Path) -> None:
    for words in (("corpus", "--replay-corpus", "corpus"), (".", "--replay-corpus", str(corpus))):
        run(project, *words).assert_outcomes(passed=2)
    run(project, "--replay-corpus", "corpus", "-n", "2").assert_outcomes(passed=2)


def test_the_folder_may_stand_in_the_configuration(project: pytest.Pytester, corpus: Path) -> None:
    project.makeini("[pytest]\nreplay_corpus = corpus\n")
    run(project).assert_outcomes(passed=2)


def test_a_folder_that_is_not_there_is_wrong_usage(project: pytest.Pytester) -> None:
    found = run(project, "--replay-corpus", "none")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["*there is no folder *none"])


def test_the_fixtures_load_and_run(project: pytest.Pytester, corpus: Path) -> None:
    project.makepyfile(
        test_own="""
        import greetings

        def test_a_history_by_its_name(history):
            assert history("greet").kind == "greet"
            assert history("corpus/greet.ndjson").events[-1].type == "job.succeeded"

        async def test_a_run_in_memory(harness):
            ran = await harness.run(greetings.Greet, {"name": "Ada"}, steps={"say": OSError("no")})
            assert ran.status == "failed"
        """
    )
    run(project, "--replay-corpus", "corpus").assert_outcomes(passed=4)


def test_importing_it_imports_no_django() -> None:
    code = (
        "import sys, pytest_reprise.plugin; print('django' in sys.modules, 'jobs' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=PLUGIN, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False False"
