"""The fleet's supervisor: real restarts, counted on disk, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ops.fleet.host.basics import link
from ops.setup.clone import ROOT
from tests.support.fleet_process import RunningFleet, fleet, launch
from tests.support.waiting import until

NAME = "gs-001"


def servers_of(running: RunningFleet) -> list[int]:
    """Return the processes that the supervisor has started."""
    pid = running.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether there is such a process, not only what is left of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_writes_down_who_is_there_once_all_answer(tmp_path: Path) -> None:
    with fleet(tmp_path / "fleet", servers=3) as running:
        assert list(running.servers) == ["gs-001", "gs-002", "gs-003"]
        assert running.book["versions"] == ["1.5.0", "1.6.0"]
        for name, server in running.servers.items():
            reported = running.version(name)
            assert set(reported) == {"version", "started_at", "pid", "restarts"}
            assert reported["version"] == "1.4.0"
            assert server["control"] == server["variables"]["control"]
            assert {"folder", "repository", "ctl"} <= set(server["variables"])


def test_a_crash_is_a_restart_that_nobody_asked_for(tmp_path: Path) -> None:
    with fleet(tmp_path / "fleet") as running:
        before = running.version(NAME)["pid"]
        os.kill(before, signal.SIGKILL)
        until(
            lambda: (reported := running.answers(NAME)) and reported["pid"] != before and reported,
            "a restart",
        )
        assert running.version(NAME)["restarts"] == 1
        state = running.supervisor(NAME)
        assert (state["asked"], state["crashes"]) == (0, 1)


def test_asking_twice_with_one_id_is_asking_once(tmp_path: Path) -> None:
    with fleet(tmp_path / "fleet") as running:
        control = running.servers[NAME]["control"]
        for reported in ("a", "a", "b", "a"):
            httpx.post(control + "/restart", json={"id": reported}, timeout=30).raise_for_status()
        assert running.supervisor(NAME)["restarts"] == 2


def test_a_restart_that_cannot_be_counted_is_none_and_may_be_asked_for_again(
    tmp_path: Path,
) -> None:
    with fleet(tmp_path / "fleet") as running:
        control, before = running.servers[NAME]["control"], running.version(NAME)
        with uncountable(running):
            answer = httpx.post(control + "/restart", json={"id": "a"}, timeout=30)
            assert (answer.status_code, running.version(NAME)) == (500, before)
        httpx.post(control + "/restart", json={"id": "a"}, timeout=30).raise_for_status()
        assert running.supervisor(NAME)["restarts"] == 1
        until(
            lambda: (reported := running.answers(NAME)) and reported["pid"] != before["pid"], "it"
        )


def test_a_crash_that_cannot_be_counted_harms_no_other_server(tmp_path: Path) -> None:
    with fleet(tmp_path / "fleet", servers=2) as running:
        before = running.version(NAME)["pid"]
        with uncountable(running):
            os.kill(before, signal.SIGKILL)
            reported = running.process.stdout
            assert reported is not None
            until(lambda: b"cannot be started again now" in reported.readline(), "its words")
            assert running.version("gs-002")["restarts"] == 0
        until(
            lambda: (reported := running.answers(NAME)) and reported["pid"] != before, "a restart"
        )
        assert running.supervisor(NAME)["crashes"] == 1


@contextmanager
def uncountable(running: RunningFleet) -> Iterator[None]:
    """Let nothing be written down for a while, as on a full disk."""
    beside = running.folder(NAME) / f".restarts.json.{running.process.pid}"
    beside.mkdir()
    yield
    beside.rmdir()


def test_a_killed_supervisor_takes_its_servers_along_and_counts_on(tmp_path: Path) -> None:
    state = tmp_path / "fleet"
    with fleet(state, servers=2) as running:
        assert running.run(NAME, "restart").returncode == 0
        before = running.book
        children = servers_of(running)
        running.process.kill()
        until(lambda: not any(map(is_alive, children)), "the servers to die with it")
    with fleet(state, servers=2) as again:
        assert again.book == before
        assert again.version(NAME)["restarts"] == 1
        assert again.version("gs-002")["restarts"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_no_process_and_no_book_behind(tmp_path: Path, number: signal.Signals) -> None:
    with fleet(tmp_path / "fleet", servers=2) as running:
        children = servers_of(running)
        assert len(children) == 2
        running.process.send_signal(number)
        assert running.process.wait() == 0
        assert not any(map(is_alive, children))
        assert not (running.state / "fleet.json").exists()


def test_a_second_fleet_in_the_same_folder_is_one_clear_line(tmp_path: Path) -> None:
    with fleet(tmp_path / "fleet") as running:
        second = launch(running.state, 1)
        reported, _ = second.communicate()
        assert second.returncode == 1
        assert reported.decode() == f"fleet: another fleet runs in {running.state}\n"
        assert running.version(NAME)["version"] == "1.4.0"


def test_a_speed_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    process = launch(tmp_path / "fleet", 1, speed="fast")
    reported, _ = process.communicate()
    assert process.returncode == 1
    assert reported.decode() == "fleet: REPRISE_FLEET_SPEED must be a number above 0, not 'fast'\n"


def test_a_release_that_cannot_run_is_started_again_and_again(tmp_path: Path) -> None:
    with fleet(tmp_path / "fleet") as running:
        bad = running.folder(NAME) / "releases" / "0.0.1"
        bad.mkdir()
        (bad / "server.py").write_text("raise SystemExit('no')")
        link(str(running.folder(NAME)), "0.0.1")
        control = running.servers[NAME]["control"]
        httpx.post(control + "/restart", json={}, timeout=30).raise_for_status()
        until(lambda: running.supervisor(NAME)["crashes"] > 1, "it to be started again")
        link(str(running.folder(NAME)), "1.4.0")
        until(lambda: running.answers(NAME), "the release that can run")
        state = running.supervisor(NAME)
        assert state["restarts"] == state["crashes"] + 1 == running.version(NAME)["restarts"]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/fail", b"{"), ("/fail", b"[]"), ("/fail", b'{"step":"dance"}'), ("/nowhere", b"{}")],
)
def test_a_control_port_refuses_what_it_does_not_understand(
    tmp_path: Path, path: str, body: bytes
) -> None:
    with fleet(tmp_path / "fleet") as running:
        answer = httpx.post(running.servers[NAME]["control"] + path, content=body, timeout=60)
        assert answer.status_code in {400, 404}
        assert answer.json()["error"]


def test_help_is_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.fleet", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--servers" in done.stdout
