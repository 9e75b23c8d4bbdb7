"""The processes that ops/chaos keeps alive, and ends on purpose."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ops.launcher.processes import Process
from tests.chaos.supervised import Kept
from tests.support.waiting import until


def sleeper(folder: Path) -> Kept:
    return Kept("sleeper", ["sleep", "600"], folder / "log")


def running(kept: Kept) -> Process:
    """Return the process once it runs, started as often as it takes."""

    def look() -> Process | None:
        kept.tend()
        return kept.process

    return until(look, "the process")


def test_what_dies_by_itself_is_noted_and_started_again(tmp_path: Path) -> None:
    kept = sleeper(tmp_path)
    first = running(kept)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not first.is_alive(), "its death")
    second = running(kept)
    assert second != first
    assert [death.split(":")[0] for death in kept.deaths] == [
        "sleeper ended by itself, with status -9"
    ]
    kept.stop()
    assert not second.is_alive()


def test_what_is_ended_here_is_not_noted_and_stays_down_until_it_may_come_back(
    tmp_path: Path,
) -> None:
    kept = sleeper(tmp_path)
    first = running(kept)
    assert kept.end(signal.SIGKILL, down=600) == first.pid
    kept.tend()
    assert kept.process is None
    kept.come_back()
    second = running(kept)
    assert kept.deaths == []
    second.send(signal.SIGSTOP)
    kept.stop()  # one that is stopped hears it too
    assert not second.is_alive()
