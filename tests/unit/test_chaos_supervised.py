"""The processes that ops/chaos keeps alive, and ends on purpose."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ops.launcher.processes import Process
from tests.chaos.supervised import SupervisedProcess
from tests.support.waiting import until


def sleeper(folder: Path) -> SupervisedProcess:
    return SupervisedProcess("sleeper", ["sleep", "600"], folder / "log")


def running(process: SupervisedProcess) -> Process:
    """Return the process once it runs, started as often as it takes."""

    def look() -> Process | None:
        process.tend()
        return process.process

    return until(look, "the process")


def test_what_dies_by_itself_is_noted_and_started_again(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    first = running(process)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not first.is_alive(), "its death")
    second = running(process)
    assert second != first
    assert [death.split(":")[0] for death in process.deaths] == [
        "sleeper ended by itself, with status -9"
    ]
    process.stop()
    assert not second.is_alive()


def test_what_is_ended_here_is_not_noted_and_stays_down_until_it_may_come_back(
    tmp_path: Path,
) -> None:
    process = sleeper(tmp_path)
    first = running(process)
    assert process.end(signal.SIGKILL, down=600) == first.pid
    process.tend()
    assert process.process is None
    process.come_back()
    second = running(process)
    assert process.deaths == []
    second.send(signal.SIGSTOP)
    process.stop()  # one that is stopped hears it too
    assert not second.is_alive()
