"""Runs a demo fleet for tests: real processes in a folder of their own, at 20 times the speed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from ops.setup.clone import ROOT
from tests.support.waiting import until

SPEED = "20"
PATIENCE_SECONDS = 60.0


class RunningFleet:
    """A fleet that answers, as a user of it sees it."""

    def __init__(self, state: Path, process: subprocess.Popen[bytes]) -> None:
        self.state, self.process = state, process
        self.book: dict[str, Any] = json.loads((state / "fleet.json").read_text())
        self.servers: dict[str, dict[str, Any]] = {one["name"]: one for one in self.book["servers"]}

    def version(self, name: str) -> dict[str, Any]:
        """Return what the server answers to `GET /version`."""
        return self._ask(name, "url", "/version")

    def is_draining(self, name: str) -> bool:
        """Return whether the server takes no new players."""
        return bool(self._ask(name, "url", "/drain")["draining"])

    def answers(self, name: str) -> dict[str, Any] | None:
        """Return the same, or None if the server does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            return self.version(name)
        return None

    def supervisor(self, name: str) -> dict[str, Any]:
        """Return what the server's control port answers to `GET /`."""
        return self._ask(name, "control", "/")

    def fail(self, name: str, step: str, times: int = 1, how: str = "fail") -> None:
        """Have a step of this server go wrong."""
        body = {"step": step, "times": times, "how": how}
        self._tell(name, "/fail", body)

    def forgive(self, name: str) -> None:
        """Have every step of this server go well that has not gone wrong yet."""
        self._tell(name, "/reset", {})

    def ctl(self, name: str, *words: str) -> list[str]:
        """Return the argument list of one command on this server."""
        return [*self.servers[name]["variables"]["ctl"], *words]

    def run(self, name: str, *words: str, fence: int = 0) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, under the job "test" where a fence is given."""
        return subprocess.run(
            self.ctl(name, *words),
            capture_output=True,
            text=True,
            env=job_environment(fence),
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def folder(self, name: str) -> Path:
        """Return the server's folder."""
        return self.state / name

    def _ask(self, name: str, whom: str, path: str) -> dict[str, Any]:
        url = self.servers[name][whom] + path
        answer: dict[str, Any] = httpx.get(url, timeout=PATIENCE_SECONDS).json()
        return answer

    def _tell(self, name: str, path: str, body: dict[str, Any]) -> None:
        url = self.servers[name]["control"] + path
        httpx.post(url, json=body, timeout=PATIENCE_SECONDS).raise_for_status()


def job_environment(fence: int) -> dict[str, str]:
    """Return the environment that a step of the job "test" has; without a fence, a person's."""
    own = {"REPRISE_JOB": "test", "REPRISE_FENCE": str(fence)} if fence else {}
    return {"PATH": os.environ["PATH"], "NO_COLOR": "1"} | own


def launch(state: Path, servers: int, speed: str = SPEED) -> subprocess.Popen[bytes]:
    """Start the supervisor and return at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "ops.fleet", "--state", str(state), "--servers", str(servers)],
        cwd=ROOT,
        env=os.environ | {"REPRISE_FLEET_SPEED": speed},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@contextlib.contextmanager
def fleet(state: Path, servers: int = 1, speed: str = SPEED) -> Iterator[RunningFleet]:
    """Run a fleet in `state`, answering on entry, gone after."""
    (state / "fleet.json").unlink(missing_ok=True)  # of a fleet that was killed
    process = launch(state, servers, speed)
    try:
        until(lambda: (state / "fleet.json").exists() or process.poll() is not None, "the fleet")
        yield RunningFleet(state, process)
    finally:
        process.terminate()
        process.communicate()
