"""A running copy of the project, started by its own script as a user starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.child import spawn, tethered
from ops.embedded import ports
from tests.acceptance.process_search import with_environment
from tests.acceptance.rows import Rows
from tests.support.fleet_process import RunningFleet
from tests.support.ordinary import UID, as_contained, as_ordinary
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
FAST_FLEET = "20"
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "REPRISE_SUPERUSER_DATABASE_URL", "REPRISE_LOCAL")
CALL_SECONDS = 60.0


class Up:
    """A copy that is ready: what its `ready.json` says, and the doors that a user has."""

    def __init__(self, state: Path, process: subprocess.Popen[bytes]) -> None:
        self.state, self.process = state, process
        self.ready: dict[str, Any] = json.loads((state / "ready.json").read_text())
        self.url: str = self.ready["url"]
        self.token: str = self.ready["token"]
        self.rows = Rows(self.ready["superuser_database_url"])
        self.servers = [server["name"] for server in self.ready["fleet"]]
        self.fleet = RunningFleet(state / "fleet", process)

    def client(self, token: str | None = None) -> httpx.Client:
        """Return an HTTP client that sends a token, the operator's unless another is given."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=CALL_SECONDS, trust_env=False
        )

    @contextmanager
    def browser(self, url: str | None = None) -> Iterator[httpx.Client]:
        """An HTTP client signed in by the form, which sends what a page's fetch sends."""
        base = url or self.url
        with httpx.Client(base_url=base, timeout=CALL_SECONDS, trust_env=False) as made:
            made.get("/sign-in").raise_for_status()
            form = {name: self.ready[name] for name in ("username", "password")}
            form["csrfmiddlewaretoken"] = made.cookies["reprise_csrf"]
            answer = made.post("/sign-in", data=form, headers={"Origin": base})
            assert answer.status_code == 302, f"not signed in: {answer.status_code} {answer.text}"
            made.headers.update({"Origin": base, "X-CSRFToken": made.cookies["reprise_csrf"]})
            yield made

    def submit(self, kind: str, **params: object) -> str:
        """Submit a job and return its id."""
        with self.client() as client:
            answer = client.post("/api/jobs", json={"kind": kind, "params": params})
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        return str(answer.json()["id"])

    def update(self, version: str, servers: list[str] | None = None, **params: object) -> str:
        """Submit a version update, of all servers unless some are named; return its id."""
        named = servers or self.servers
        return self.submit("version-update", servers=named, version=version, **params)

    def job(self, job: str) -> dict[str, Any]:
        """Return a job as the API folds it now."""
        with self.client() as client:
            answer = client.get(f"/api/jobs/{job}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def other_version(self) -> str:
        """Return a version that the first server does not run."""
        running = self.fleet.version(self.servers[0])["version"]
        versions: list[str] = self.ready["versions"]
        return next(version for version in versions if version != running)

    def metric(self, name: str, of: str | None = None) -> int:
        """Return a stream counter of the web process: one label's, or the sum over all."""
        with self.client() as client:
            answer = client.get("/metrics")
        answer.raise_for_status()
        wanted = re.compile(rf'reprise_stream_{name}(?:{{of="(.*)"}})? (\S+)')
        found = [
            match.groups() for match in map(wanted.fullmatch, answer.text.splitlines()) if match
        ]
        assert found, f"no metric {name}"
        return sum(int(float(count)) for label, count in found if of in (None, label))

    def web_pid(self) -> int:
        """Return the web process's id, as it says itself."""
        return int(httpx.get(f"{self.url}/healthz", timeout=CALL_SECONDS).json()["pid"])

    def manage(self, *arguments: str) -> str:
        """Run `ops/manage` on this copy and return what it printed."""
        command = [str(ROOT / "ops" / "manage"), *arguments]
        ran = subprocess.run(
            command, env=environment(self.state), capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def said(self) -> str:
        """Return what the script printed, and the last lines of each log, for a failure."""
        parts = [(self.state / "up.out").read_text(errors="replace")]
        for log in sorted((self.state / "log").glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-15:]
            parts += [f"--- {log.name}", *tail]
        return "\n".join(parts)


def environment(state: Path, **own: str) -> dict[str, str]:
    """Return the environment of a copy: this process's, less what points at other servers."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return kept | {"REPRISE_STATE": str(state), "REPRISE_FLEET_SPEED": FAST_FLEET} | own


@contextmanager
def running(
    own: Mapping[str, str] | None = None, *options: str, user: str = "ours"
) -> Iterator[Up]:
    """Run `ops/up` in a new state folder; stop it afterwards and see that nothing is left.

    Root can have it run by an `ordinary` user, or as `contained` root.
    """
    with tempfile.TemporaryDirectory(prefix="reprise-up-") as folder:
        state = Path(folder)
        state.chmod(0o711)  # Postgres runs as another user where we are root
        env = environment(state, PORT=str(ports.free()), **(own or {}))
        command = [str(ROOT / "ops" / "up"), *options]
        if user == "ordinary":
            os.chown(state, UID, UID)
            command, env = as_ordinary(command), env | {"HOME": "/nonexistent"}
        if user == "contained":
            command = as_contained(command)
        command = tethered(command, signal.SIGTERM, parent=os.getpid())
        process = spawn(command, state / "up.out", env=env)
        copy = None
        try:
            copy = _wait_ready(state, process)
            yield copy
        finally:
            if copy is not None:
                copy.rows.close()
            _stop(state, process)


def _wait_ready(state: Path, process: subprocess.Popen[bytes]) -> Up:
    there = state / "ready.json"
    until(lambda: there.exists() or process.poll() is not None, "ready.json", pause=0.1)
    assert there.exists(), (state / "up.out").read_text()
    return Up(state, process)


def _stop(state: Path, process: subprocess.Popen[bytes]) -> None:
    was_ready = (state / "ready.json").exists()
    process.send_signal(signal.SIGTERM)
    process.wait()
    left = with_environment(REPRISE_STATE=str(state))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"ops/up left processes behind: {left}"
    assert not (state / "ready.json").exists()
    if was_ready:
        said = (state / "up.out").read_text(errors="replace")
        assert process.returncode == 0, f"ops/up ended with {process.returncode}:\n{said}"
