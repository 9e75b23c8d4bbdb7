"""The state folder of one running copy: its lock, and what a copy that was killed left behind."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from ops.errors import CannotStart
from ops.launcher.processes import Process, end, wait_ended
from ops.setup import locks

ORDERLY_SECONDS = 30.0


def claim(state: Path, url: str) -> int:
    """Make the folder, check that it can be written, take its lock; return the lock.

    CannotStart if that is impossible or another copy runs on it.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
        lock = locks.take(state / "up.lock")
    except OSError as error:
        raise CannotStart(f"Cannot use the state folder {state}: {error.strerror}.") from error
    if lock is None:
        holder = (state / "up.lock").read_text().strip() or "another process"
        raise CannotStart(
            f"Already running on {state} ({holder}): stop that one, "
            "or set REPRISE_STATE and PORT for a second copy."
        )
    locks.note(lock, f"pid {os.getpid()}, {url}")
    return lock


def record(state: Path, pids: dict[str, int]) -> None:
    """Keep the pids and start times of what runs now, for the `clear` of the next start."""
    known = {name: Process.of(pid) for name, pid in pids.items()}
    rows = {name: [found.pid, found.started] for name, found in known.items() if found}
    new = state / ".processes.json.new"
    new.write_text(json.dumps(rows))
    new.replace(state / "processes.json")


def running(state: Path) -> dict[str, Process]:
    """Return the recorded processes of the copy on this folder that are alive, by name.

    One that has just been started again is missing for a second, until it is recorded.
    """
    try:
        rows = json.loads((state / "processes.json").read_text())
        known = {name: Process(pid, started) for name, (pid, started) in rows.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
    return {name: process for name, process in known.items() if process.is_alive()}


def clear(state: Path) -> list[str]:
    """End what a copy that was killed left running here; return the names of what was ended.

    Its keeper notices the death and stops everything in order, so that is waited for first.
    """
    (state / "ready.json").unlink(missing_ok=True)
    alive = running(state)
    keeper = alive.get("keeper")
    if keeper is not None:
        wait_ended([keeper], ORDERLY_SECONDS)
    end(list(alive.values()), grace=10.0)
    (state / "processes.json").unlink(missing_ok=True)
    return sorted(alive)
