"""`manage.py`: usual failures are one line, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.command_line import command_words
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.support.factories import make_job
from tests.support.services import Services

COMMANDS = [["verify", "--all"], ["targets", "list"], ["consumers"], ["seal"], ["rebuild", "--all"]]


def manage(*words: str, database_url: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"DATABASE_URL": database_url}
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_missing_tables_are_one_line(services: Services, words: list[str]) -> None:
    empty = services.postgres.superuser_url.rsplit("/", 1)[0] + "/postgres"
    ran = manage(*words, database_url=empty)
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    assert "run manage.py migrate" in ran.stderr


def test_a_database_that_does_not_answer_is_one_line() -> None:
    nowhere = f"postgresql://reprise@127.0.0.1:{ports.free()}/reprise"
    ran = manage("verify", "--all", database_url=nowhere)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("The database does not answer: ")


def test_a_reader_that_leaves_early_is_no_traceback(database: str) -> None:
    for _ in range(3):
        make_job()
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "manage.py", "verify", "--all", "--json"], cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database},
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert ran.stderr == ""
    assert ran.returncode == 141


def test_a_process_can_start_a_command_from_any_folder(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*command_words(), "worker", "--help"], cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "--runs" in ran.stdout
