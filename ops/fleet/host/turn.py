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

from ops.fleet.host.basics import YELLOW, Failed, load, say, write

BUSY_SECONDS = 30.0
KEPT_FENCES = 50


class Turn:
    """The right to work on a target: one command at a time, none of an overtaken attempt."""

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
            if not self._end_overtaken() and not told:
                say("waiting: another command runs on this target", YELLOW)
                told = True
            if time.monotonic() > deadline:
                raise Failed(f"another command still runs here after {BUSY_SECONDS:.0f} s", 4)
            time.sleep(0.05)
        self._check_fence()
        self._file.truncate(0)
        self._file.write(json.dumps({"pid": os.getpid(), "job": self.job, "fence": self.fence}))
        self._file.flush()

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _end_overtaken(self) -> bool:
        """Kill the holder if it is an earlier attempt of the same job; True if that was tried."""
        self._file.seek(0)
        try:
            holder = json.loads(self._file.read())
            if not self.job or holder["job"] != self.job or holder["fence"] >= self.fence:
                return False
            handle = os.pidfd_open(holder["pid"])
        except (ValueError, ProcessLookupError):
            return False
        try:
            # The pid is the holder's own as long as the lock is still taken after it was opened.
            if not self._lock():
                say(f"ending the command of an earlier attempt (fence {holder['fence']})", YELLOW)
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)
        return True

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
