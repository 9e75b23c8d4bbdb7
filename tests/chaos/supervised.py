"""Processes that are started again whenever they end, as an installation's service manager does."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ops.child import spawn, tethered
from ops.embedded.account import Account
from ops.errors import CannotStart
from ops.launcher.processes import Process, reap
from tests.chaos.hosts import Host

AGAIN_SECONDS = 0.2
GONE_SECONDS = 30.0
LOOK_SECONDS = 0.05


class SupervisedProcess:
    """A process of a host. `tend` starts it, and again when it has ended; any thread may end it.

    It is tied to the main thread, the only one that may call `tend`: however that ends, it ends.
    `deaths` are those that nobody here asked for.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        host: Host = Host(),  # noqa: B008 - frozen
        account: Account | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stop_signal: int = signal.SIGTERM,
        death_signal: int = signal.SIGKILL,
    ) -> None:
        self.name, self.host, self.log = name, host, log
        self._deaths: list[tuple[int, str]] = []
        self._pardoned = set[int]()
        self._command = tethered(list(command), death_signal, account=account, parent=os.getpid())
        self._env, self._cwd, self._stop_signal = env, cwd, stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False
        self._not_before = 0.0
        self._lock = threading.Lock()

    @property
    def deaths(self) -> list[str]:
        """What is said of each time that it ended and nobody here had asked for it."""
        return [reported for pid, reported in self._deaths if pid not in self._pardoned]

    def pardon(self, pid: int) -> None:
        """Say nothing of the end of this process of its: it was to be expected."""
        self._pardoned.add(pid)

    @property
    def process(self) -> Process | None:
        """The process that runs now, None if there is none."""
        with self._lock:
            running = self._process
        return Process.of(running.pid) if running and running.poll() is None else None

    @property
    def pid(self) -> int | None:
        """The pid of the process that runs, or has ended and is not started again yet."""
        running = self._process
        return running.pid if running else None

    @property
    def is_alive(self) -> bool:
        """Whether it runs now."""
        return self.process is not None

    def tend(self) -> None:
        """Start it unless it runs, or has ended a moment ago, or is to stay down for a while."""
        with self._lock:
            if self._process is not None:
                status = self._process.poll()
                if status is None:
                    return
                if not self._asked:
                    reported = f"{self.name} ended by itself, with status {status}: {self.log}"
                    self._deaths.append((self._process.pid, reported))
                self._process = None
                self._not_before = max(self._not_before, time.monotonic() + AGAIN_SECONDS)
            if time.monotonic() >= self._not_before:
                self._start()

    def end(self, sign: int, down: float = 0.0) -> int | None:
        """Send a signal that ends it, wait until it has, and keep it down for so many seconds.

        Return its pid; None if it was not running anyway.
        """
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                return None
            self._asked = True
            self._not_before = float("inf")
            process.send_signal(sign)
            process.send_signal(signal.SIGCONT)  # one that is stopped hears nothing else
        try:
            process.wait(GONE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        with self._lock:
            self._not_before = time.monotonic() + down
        return process.pid

    def come_back(self) -> None:
        """Let it be started again although the time that it was to stay down is not over."""
        with self._lock:
            self._not_before = 0.0

    def stop(self) -> None:
        """End it for good, in good order if it can; harmless when it has ended."""
        self.end(self._stop_signal)
        with self._lock:
            self._not_before = float("inf")

    def _start(self) -> None:
        self._asked = False
        command = self.host.command(self._command)
        self._process = spawn(command, self.log, env=self._env, cwd=self._cwd)


class Supervisor:
    """All processes that are kept; the main thread tends them now and then."""

    def __init__(self) -> None:
        self._all: list[SupervisedProcess] = []
        self._last: list[SupervisedProcess] = []
        self._others: list[Callable[[], int | None]] = []

    def add(self, process: SupervisedProcess, *, last: bool = False) -> SupervisedProcess:
        """Keep one more, from the next `tend` on, and stop it `last`, if so; return it."""
        self._all.append(process)
        self._last += [process] if last else []
        return process

    def spare(self, pid: Callable[[], int | None]) -> None:
        """Leave a child alone that somebody else waits for."""
        self._others.append(pid)

    def tend(self) -> None:
        """Start again what has ended, and reap the orphans that have come to us."""
        for process in self._all:
            process.tend()
        pids = [process.pid for process in self._all] + [pid() for pid in self._others]
        reap(besides={pid for pid in pids if pid})

    def tend_until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Tend until something is so, or so many seconds have passed; return which."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                return False
            self.tend()
            time.sleep(LOOK_SECONDS)
        return True

    def watch(self) -> None:
        """Tend while a start is waited for; CannotStart if something has died meanwhile."""
        self.tend()
        if deaths := self.deaths():
            raise CannotStart(deaths[0])

    def deaths(self, *besides: SupervisedProcess) -> list[str]:
        """Return what has ended although nobody here ended it."""
        return [
            death for process in self._all if process not in besides for death in process.deaths
        ]

    def stop(self) -> None:
        """End all: at once, but for those that the others need to end in good order."""
        first = [process for process in self._all if process not in self._last]
        for some in (first, self._last):
            with ThreadPoolExecutor(max(1, len(some))) as threads:
                list(threads.map(SupervisedProcess.stop, some))
