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
        answer: dict[str, Any] = httpx.get(self.servers[name]["url"] + "/version").json()
        return answer

    def is_draining(self, name: str) -> bool:
        """Return whether the server takes no new players."""
        return bool(httpx.get(self.servers[name]["url"] + "/drain").json()["draining"])

    def answers(self, name: str) -> dict[str, Any] | None:
        """Return the same, or None if the server does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            return self.version(name)
        return None

    def supervisor(self, name: str) -> dict[str, Any]:
        """Return what the server's control port answers to `GET /`."""
        answer: dict[str, Any] = httpx.get(self.servers[name]["control"]).json()
        return answer

    def fail(self, name: str, step: str, times: int = 1, how: str = "fail") -> None:
        """Have a step of this server go wrong."""
        body = {"step": step, "times": times, "how": how}
        httpx.post(self.servers[name]["control"] + "/fail", json=body).raise_for_status()

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
