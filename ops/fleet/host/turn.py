"""Lets one command at a time work on a target, and none of an attempt that was superseded.

A job's attempts are counted by its fence (`REPRISE_JOB`, `REPRISE_FENCE`). The service's own fence
stops what a worker that lost its job would write; this one stops what it would do.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from _thread import start_new_thread  # threading is slow to load
from typing import Any

from ops.fleet.host.basics import YELLOW, Failed, load, say, write

BUSY_SECONDS = 30.0
LOOK_SECONDS = 0.1
MOST_BYTES = 65536
KEPT_FENCES = 50


class Turn:
    """The right to work on a target: one command at a time, none of an overtaken attempt.

    Who holds it is the first line of the lock's file. A later attempt adds a line of its own, and
    the holder, which looks every moment, ends itself: neither needs to see the other's process.
    """

    def __init__(self, folder: str) -> None:
        self.job = os.environ.get("REPRISE_JOB", "")
        self.fence = int(os.environ.get("REPRISE_FENCE") or 0)
        self._folder = folder
        self._file = open(os.path.join(folder, "ctl.lock"), "a+")  # noqa: SIM115 - held till exit

    def take(self) -> None:
        """Wait for the target, ending what an overtaken attempt still runs there; or Failed."""
        deadline = time.monotonic() + BUSY_SECONDS
        told = False
        while not self._lock():
            if not self._overtake() and not told:
                say("waiting: another command runs on this target", YELLOW)
                told = True
            if time.monotonic() > deadline:
                raise Failed(f"another command still runs here after {BUSY_SECONDS:.0f} s", 4)
            time.sleep(0.05)
        self._check_fence()
        self._file.truncate(0)
        self._add_line()
        start_new_thread(self._end_when_overtaken, ())

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _overtake(self) -> bool:
        """Tell the holder to end if it is an earlier attempt of the same job; True if it is."""
        holder, *told = self._lines() or [{"job": None}]
        if not self.job or holder["job"] != self.job or holder["fence"] >= self.fence:
            return False
        if {"job": self.job, "fence": self.fence} not in told:
            say(f"ending the command of an earlier attempt (fence {holder['fence']})", YELLOW)
            self._add_line()
        return True

    def _end_when_overtaken(self) -> None:
        while all(one["job"] != self.job or one["fence"] <= self.fence for one in self._lines()):
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    def _lines(self) -> list[dict[str, Any]]:
        written = os.pread(self._file.fileno(), MOST_BYTES, 0)
        try:
            return [json.loads(line) for line in written.splitlines()]
        except ValueError:  # the next holder writes just now
            return []

    def _add_line(self) -> None:
        self._file.write(json.dumps({"job": self.job, "fence": self.fence}) + "\n")
        self._file.flush()

    def _check_fence(self) -> None:
        if not self.job:
            return
        path = os.path.join(self._folder, "fences.json")
        fences = load(path)
        seen = int(fences.get(self.job, 0))
        if self.fence < seen:
            raise Failed(f"refused: fence {self.fence} was overtaken by fence {seen}", 3)
        if self.fence > seen:
            fences.pop(self.job, None)
            fences[self.job] = self.fence
            write(path, json.dumps(dict(list(fences.items())[-KEPT_FENCES:])))
