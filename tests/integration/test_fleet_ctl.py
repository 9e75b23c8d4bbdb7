"""The control script on a real fleet: every command, twice, failing, killed and overtaken."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.fleet_process import RunningFleet, fleet, job_environment
from tests.support.waiting import until

NAME = "gs-001"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningFleet]:
    with fleet(tmp_path / "fleet") as one:
        yield one


def go(running: RunningFleet, *words: str, fence: int = 0) -> str:
    done = running.run(NAME, *words, fence=fence)
    assert done.returncode == 0, done.stderr
    return done.stdout


def update(running: RunningFleet, version: str, fence: int = 0) -> None:
    for words in (["preflight", version], ["drain"], ["fetch", version], ["switch", version]):
        go(running, *words, fence=fence)
    for words in (["restart"], ["health", version], ["undrain"]):
        go(running, *words, fence=fence)


def test_the_steps_in_order_update_a_server(running: RunningFleet) -> None:
    before = running.version(NAME)
    update(running, "1.5.0")
    after = running.version(NAME)
    assert (before["version"], after["version"]) == ("1.4.0", "1.5.0")
    assert (before["restarts"], after["restarts"]) == (0, 1)
    assert before["pid"] != after["pid"]
    assert not running.is_draining(NAME)


def test_every_step_may_run_twice_and_a_job_restarts_once(running: RunningFleet) -> None:
    for _ in range(2):
        for words in (["drain"], ["fetch", "1.5.0"], ["switch", "1.5.0"], ["restart"]):
            go(running, *words, fence=1)
    for words in (["health", "1.5.0"], ["undrain"]):
        go(running, *words, fence=1)
        go(running, *words, fence=1)
    assert running.supervisor(NAME)["restarts"] == 1
    assert "restarted after the switch already" in go(running, "restart", fence=2)


def test_a_person_may_restart_as_often_as_they_like(running: RunningFleet) -> None:
    go(running, "restart")
    go(running, "restart")
    assert running.supervisor(NAME)["asked"] == 2


def test_waiting_says_how_many_players_are_left(running: RunningFleet) -> None:
    url = running.servers[NAME]["url"]
    until(lambda: httpx.get(url + "/players", timeout=60).json()["players"] > 5, "players")
    reported = go(running, "drain")
    assert "waiting for " in reported
    assert reported.splitlines()[-1] == "ok, no players left"


def test_rollback_puts_back_what_this_job_replaced(running: RunningFleet) -> None:
    update(running, "1.5.0", fence=1)
    go(running, "fetch", "1.6.0")
    go(running, "switch", "1.6.0")
    go(running, "restart")
    go(running, "rollback")
    assert running.version(NAME)["version"] == "1.5.0"
    count = running.supervisor(NAME)["restarts"]
    go(running, "rollback")
    assert running.supervisor(NAME)["restarts"] == count


def test_rollback_restarts_nothing_that_was_not_restarted(running: RunningFleet) -> None:
    for words in (["drain"], ["fetch", "1.5.0"], ["switch", "1.5.0"], ["rollback"]):
        go(running, *words, fence=1)
    assert running.version(NAME)["restarts"] == 0
    assert (running.folder(NAME) / "current").readlink().name == "1.4.0"
    assert not running.is_draining(NAME)


@pytest.mark.parametrize("step", ["preflight", "drain", "fetch", "switch", "health", "undrain"])
def test_a_step_fails_when_told_to_and_then_works(running: RunningFleet, step: str) -> None:
    go(running, "fetch", "1.4.0")
    running.fail(NAME, step)
    failed = running.run(NAME, step, "1.4.0")
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"{step} failed: ")
    assert len(failed.stderr.splitlines()) == 1
    go(running, step, "1.4.0")


def test_a_restart_that_fails_has_restarted_and_rollback_copes(running: RunningFleet) -> None:
    for words in (["fetch", "1.5.0"], ["switch", "1.5.0"]):
        go(running, *words, fence=1)
    running.fail(NAME, "restart")
    assert running.run(NAME, "restart", fence=1).returncode == 1
    assert running.version(NAME)["version"] == "1.5.0"
    go(running, "rollback", fence=1)
    assert running.version(NAME)["version"] == "1.4.0"
    assert running.supervisor(NAME)["restarts"] == 2


def test_the_broken_release_starts_but_gets_never_healthy(running: RunningFleet) -> None:
    for words in (["fetch", "1.5.1-broken"], ["switch", "1.5.1-broken"], ["restart"]):
        go(running, *words)
    failed = running.run(NAME, "health", "1.5.1-broken")
    assert failed.returncode == 1
    assert "map canyon is missing" in failed.stderr
    assert running.supervisor(NAME)["crashes"] == 0
    go(running, "rollback")
    go(running, "health", "1.4.0")


def test_a_damaged_archive_never_becomes_a_release(running: RunningFleet) -> None:
    failed = running.run(NAME, "fetch", "1.6.1-damaged")
    assert failed.returncode == 1
    assert "SHA-256 is" in failed.stderr
    assert [one.name for one in (running.folder(NAME) / "releases").iterdir()] == ["1.4.0"]


def test_a_release_that_somebody_changed_is_fetched_again(running: RunningFleet) -> None:
    go(running, "fetch", "1.5.0")
    program = running.folder(NAME) / "releases" / "1.5.0" / "server.py"
    program.write_text("print('not the program')")
    go(running, "fetch", "1.5.0")
    assert "not the program" not in program.read_text()


def test_a_server_that_answers_nothing_is_named_with_its_address(running: RunningFleet) -> None:
    os.kill(running.version(NAME)["pid"], signal.SIGSTOP)
    failed = running.run(NAME, "preflight", "1.5.0")
    assert failed.returncode == 1
    url = running.servers[NAME]["url"]
    assert f"{NAME} did not answer at {url} within 10 s" in failed.stderr


def test_a_fetch_killed_at_any_moment_ends_right_when_run_again(running: RunningFleet) -> None:
    chance = random.Random(7)
    for _ in range(6):
        process = subprocess.Popen(
            running.ctl(NAME, "fetch", "1.5.0"), stdout=subprocess.PIPE, env=job_environment(0)
        )
        assert process.stdout
        for _ in range(chance.randrange(4)):
            process.stdout.readline()
        process.kill()
        process.communicate()
    go(running, "fetch", "1.5.0")
    assert sorted(one.name for one in (running.folder(NAME) / "releases").iterdir()) == [
        "1.4.0",
        "1.5.0",
    ]
    assert "is here already" in go(running, "fetch", "1.5.0")


def test_an_overtaken_attempt_is_refused(running: RunningFleet) -> None:
    go(running, "fetch", "1.5.0", fence=5)
    refused = running.run(NAME, "switch", "1.5.0", fence=4)
    assert refused.returncode == 3
    assert "fence 4 was overtaken by fence 5" in refused.stderr
    assert (running.folder(NAME) / "current").readlink().name == "1.4.0"
    go(running, "switch", "1.5.0", fence=5)


def test_a_later_attempt_ends_what_an_earlier_one_still_runs(running: RunningFleet) -> None:
    go(running, "fetch", "1.5.0")
    running.fail(NAME, "switch", how="hang")
    zombie = subprocess.Popen(
        running.ctl(NAME, "switch", "1.5.0"), stdout=subprocess.PIPE, env=job_environment(1)
    )
    assert zombie.stdout
    assert b"hangs" in zombie.stdout.readline()
    assert "ending the command of an earlier attempt" in go(running, "switch", "1.5.0", fence=2)
    zombie.communicate()
    assert zombie.returncode == -signal.SIGKILL
