"""Local commands of a worker of root's, of an ordinary user's, and of one with fewer rights."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobs.transports.sandbox.isolation import UID
from ops.setup.clone import ROOT
from ops.trials import attacks
from tests.support import ordinary

# What only namespaces hold: another command has the same user.
NAMESPACES_ONLY = {"see_other_command", "unmount"}
NEEDS_A_COPY = {"postgres_without_password", "valkey_without_password", "fleet"}
WAYS = sorted(attacks.WAYS.keys() - NEEDS_A_COPY)
OTHER = "sleep 100200"


@dataclass(frozen=True)
class Service:
    """Processes that have something to hide, and run commands."""

    user: str
    state: Path
    place: Path

    @property
    def uid(self) -> int:
        """Whom the commands run as."""
        return ordinary.UID if self.user == "ordinary" else UID

    def run(self, *argv: str, **env: str) -> dict[str, Any]:
        """Run a local command; return what became of it."""
        return self.run_all([argv], **env)[0]

    def run_all(self, commands: Sequence[Sequence[str]], **env: str) -> list[dict[str, Any]]:
        """Run local commands in one process; return what became of each."""
        command = [sys.executable, "-m", "tests.support.local_command", json.dumps(commands)]
        ran = subprocess.run(
            self.as_user(command), cwd=ROOT, env=self._environment() | env,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return list(json.loads(ran.stdout.splitlines()[-1]))

    def manage(self, *words: str) -> str:
        """Run `manage.py`; return what it printed."""
        command = self.as_user([sys.executable, "manage.py", *words])
        ran = subprocess.run(
            command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=True
        )
        return ran.stdout + ran.stderr

    def _environment(self) -> dict[str, str]:
        own = {"REPRISE_STATE": str(self.state), "REPRISE_LOCAL_WRITABLE": str(self.place)}
        return os.environ | own | {"DATABASE_URL": "postgresql://u:hush@127.0.0.1/reprise",
                                   "REPRISE_LOCAL": ""}  # fmt: skip

    def as_user(self, command: list[str]) -> list[str]:
        """Return a command as run by the service's user."""
        match self.user:
            case "ordinary":
                return ordinary.as_ordinary(command)
            case "container":  # root, as most containers have it
                return ordinary.as_contained(command)
            case "powerless":  # no other user, and no more namespaces
                return ["unshare", "--user", "--map-root-user", *command]
        return command


def make_service(user: str, folder: Path) -> Service:
    """Return the service with a state folder and a folder that commands may write."""
    service = Service(user, folder / "state", folder / "place")
    for made in (folder.parent, folder):
        made.mkdir(exist_ok=True)
        made.chmod(0o755)
    service.state.mkdir(mode=0o755)
    service.place.mkdir()
    os.chown(service.place, service.uid, service.uid)
    for name in ("secret_key", "seal_key", "ready.json"):
        path = service.state / name
        path.touch(mode=0o600)
        path.write_text("hush" * 10)
    if user == "ordinary":
        for path in (service.state, *service.state.iterdir()):
            os.chown(path, service.uid, service.uid)
    return service


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory(dir="/var/lib") as made:
        yield Path(made)


@pytest.fixture(scope="module", params=["root", "ordinary", "container"])
def service(request: pytest.FixtureRequest, folder: Path) -> Service:
    return make_service(request.param, folder / request.param)


@pytest.fixture(scope="module")
def outcomes(service: Service) -> dict[str, dict[str, Any]]:
    """What became of each way, tried while another command runs."""
    known = {
        "state": str(service.state), "folder": str(service.place), "worker": os.getpid(),
        "other": OTHER, "postgres": 1, "code": str(ROOT / "jobs"),
    }  # fmt: skip
    start = [sys.executable, "-I", "-S", str(shutil.copy(attacks.__file__, service.place))]
    with subprocess.Popen(service.as_user(OTHER.split())) as other:
        try:
            tried = service.run_all([[*start, way, json.dumps(known)] for way in WAYS])
        finally:
            other.kill()
    return dict(zip(WAYS, tried, strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_a_command_gets_at_nothing_of_the_service(
    service: Service, outcomes: dict[str, dict[str, Any]], way: str
) -> None:
    ran = outcomes[way]
    led = service.user == "container" and way in NAMESPACES_ONLY
    assert (ran["status"], ran["err"]) == (0 if led else 1, ""), ran
    assert led or ran["out"] == f"{way} leads nowhere\n"


# Python sets LC_CTYPE where nothing names a locale (PEP 538).
OWN_NAMES = {"HOME", "REPRISE_JOB", "PATH", "LANG", "LC_CTYPE", "TZ", "TERM", "_", "SHLVL", "PWD"}


def test_it_has_a_user_an_environment_and_a_scratch_home_of_its_own(service: Service) -> None:
    ran = service.run("sh", "-c", 'id -u; id -G; echo "$HOME"; env', REPRISE_WEBHOOK_SECRET="hush")
    uid, groups, home, *env = ran["out"].splitlines()
    assert (uid, groups) == (str(service.uid), str(service.uid))
    assert home == ("/nonexistent" if service.user == "container" else "/tmp/home")
    assert {line.split("=")[0] for line in env} <= OWN_NAMES


def test_it_writes_where_it_may_and_nowhere_else(service: Service) -> None:
    script = 'echo x > "$0/new"; echo y > "/tmp/$1"; cat "/tmp/$1"'
    name = uuid4().hex
    ran = service.run("sh", "-c", script, str(service.place), name)
    assert (ran["status"], ran["out"], ran["err"]) == (0, "y\n", "")
    assert (service.place / "new").stat().st_uid == service.uid
    scratch = Path("/tmp", name)
    if service.user == "container":
        scratch.unlink()
    assert not scratch.exists()
    refused = service.run("sh", "-c", 'echo x > "$0/new"', str(service.state.parent))
    assert refused["status"] == 2


def test_a_folder_that_may_be_written_shows_no_state_folder_inside(service: Service) -> None:
    around = str(service.state.parent)
    ran = service.run("cat", f"{service.state}/secret_key", REPRISE_LOCAL_WRITABLE=around)
    assert (ran["status"], ran["out"]) == (1, "")


def test_sockets_of_this_machine_are_hidden(service: Service) -> None:
    """Postgres lets in by its socket whoever has the right name."""
    path = f"/run/reprise-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        try:
            listener.listen()
            os.chmod(path, 0o777)
            connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
            ran = service.run(sys.executable, "-c", connect, path)
        finally:
            os.unlink(path)
    assert (ran["status"] == 0) == (service.user == "container")


def test_where_nothing_can_be_isolated_it_is_refused_with_a_way_out(folder: Path) -> None:
    service = make_service("powerless", folder / "powerless")
    refused = service.run("true")["refused"]
    assert "REPRISE_LOCAL=trusted" in refused
    assert "user namespaces" in refused
    assert "jobs.W001" in service.manage("check", "--tag", "local")
    assert service.run("true", REPRISE_LOCAL="trusted")["status"] == 0
