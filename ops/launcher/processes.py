"""Processes as /proc shows them: who descends from whom, and whether a pid is still the same."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with its pid: `started` tells them apart.

    `started` is in clock ticks since boot (proc(5), stat field 22).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the live process with this pid, None if there is none (or only a zombie)."""
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else cls(pid, int(fields[19]))

    def is_alive(self) -> bool:
        """Say whether this very process still runs."""
        return Process.of(self.pid) == self

    def send(self, number: int) -> None:
        """Send a signal if this process still runs."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none can get away."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def reap(besides: Collection[int]) -> None:
    """Reap ended children, leaving those in `besides` to their own waiters."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in besides:
            return
        os.waitpid(ended.si_pid, 0)


def descendants() -> list[Process]:
    """Return every live process that descends from this one."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found, queue = [], list(children.get(os.getpid(), []))
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        process = Process.of(pid)
        found += [process] if process else []
    return found


def end(processes: Collection[Process], grace: float) -> None:
    """End processes: SIGTERM, and SIGKILL for those that remain after `grace` seconds."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        for process in processes:
            process.send(number)
        if wait_ended(processes, patience):
            return


def wait_ended(processes: Collection[Process], seconds: float) -> bool:
    """Wait until all have ended; say whether they did within the time."""
    give_up = time.monotonic() + seconds
    while any(process.is_alive() for process in processes):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    # the fields after the command's name, which may hold spaces and brackets: state is the first
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
