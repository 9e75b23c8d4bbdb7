"""Runs `ops/up` on a folder of its own, without the demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.child import spawn, tethered
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.support.waiting import until

UP = ROOT / "ops" / "up"
NOT_INHERITED = (
    "DATABASE_URL", "REDIS_URL", "REPRISE_SUPERUSER_DATABASE_URL", "PORT", "REPRISE_LOCAL",
)  # fmt: skip


def environment(state: Path, **own: str) -> dict[str, str]:
    """Return the environment of a start on `state`, on a free port unless PORT is given."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return {**kept, "REPRISE_STATE": str(state), "PORT": str(ports.free()), **own}


def refused(state: Path, **own: str) -> str:
    """Run a start that must fail; return the one line that says why."""
    ran = subprocess.run(
        [UP, "--no-demo"],
        env=environment(state, **own),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    [line] = ran.stderr.splitlines()
    assert line.startswith("ops/up: ")
    return line


class Copy:
    """A start that became ready."""

    def __init__(self, state: Path, process: subprocess.Popen[bytes]) -> None:
        self.state, self.process = state, process
        self.ready: dict[str, Any] = json.loads((state / "ready.json").read_text())

    def pids(self) -> dict[str, int]:
        """Return the pids of the processes, by name, as the copy itself records them."""
        rows = json.loads((self.state / "processes.json").read_text())
        return {name: pid for name, (pid, _started) in rows.items()}

    def answers(self) -> bool:
        """Say whether the pages and all below them answer."""
        try:
            url = f"{self.ready['url']}/readyz"
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def replaced(self, name: str, pid: int) -> bool:
        """Say whether a process has been started again."""
        return self.pids().get(name, pid) != pid


@contextmanager
def running(state: Path, **own: str) -> Iterator[Copy]:
    """Start on `state`; stop afterwards by SIGTERM, which must be a success, unless it is dead."""
    output, ready = state.with_name(f"{state.name}.out"), state / "ready.json"
    ready.unlink(missing_ok=True)  # a start that was killed could not
    command = tethered([str(UP), "--no-demo"], signal.SIGTERM, parent=os.getpid())
    process = spawn(command, output, env=environment(state, **own), append=False)
    try:
        until(lambda: ready.exists() or process.poll() is not None, "ready.json")
        assert ready.exists(), output.read_text()
        yield Copy(state, process)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait()
    assert ended in (0, -signal.SIGKILL), output.read_text()
