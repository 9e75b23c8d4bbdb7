"""A crowd of followers in a process of its own: it reads a plan, and reports in lines of JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ops.child import tethered
from ops.setup.clone import ROOT


class CrowdProcess:
    """A process tied to this thread; another thread passes what it reports to `on_report`.

    `plan` goes to its standard input as one line of JSON. `place` changes the command line, for a
    process on another host.
    """

    def __init__(
        self,
        command: Sequence[str],
        plan: object,
        log: Path,
        on_report: Callable[[Any], None],
        place: Callable[[Sequence[str]], list[str]] = list,
    ) -> None:
        self.log = log
        self._on_report = on_report
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                place(tethered(command, signal.SIGKILL, parent=os.getpid())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                text=True,
                start_new_session=True,  # a terminal's Ctrl-C is for us alone
            )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether it reports nothing any more."""
        return not self._listener.is_alive()

    def ask_to_leave(self) -> None:
        """Have it stop following and report what it has."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._on_report(json.loads(line))
