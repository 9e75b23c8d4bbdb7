"""Reprise installed from its wheels, in clean environments outside the clone, and running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ops.child import tethered
from ops.embedded import ports, postgres, valkey
from ops.embedded.server import Server
from ops.setup import wheel
from ops.setup.clone import Clone, tool_environment
from tests.support.services import named
from tests.support.waiting import until

USER, PASSWORD = "ann", "a wheel in the rain"


@dataclass
class Installed:
    """The service and its client, each in an environment of its own, and where they run."""

    folder: Path
    database: Server
    redis: Server
    port: int = field(default_factory=ports.free)

    @property
    def url(self) -> str:
        """Where the web process listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def empty(self) -> Path:
        """The folder that all programs start in."""
        return self.folder / "empty"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a production host: nothing of the clone's, nor of the tests'."""
        return {
            "PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.folder),
            "REPRISE_STATE": str(self.folder / "state"), "DATABASE_URL": self.database.url,
            "REDIS_URL": self.redis.url,
        }  # fmt: skip

    def program(self, which: str, name: str) -> str:
        """Return a program of the environment `service` or `client`."""
        return str(self.folder / which / "bin" / name)

    def run(self, which: str, name: str, *words: str, **env: str) -> str:
        """Run a program of an environment to its end; return what it printed."""
        ran = subprocess.run(
            [self.program(which, name), *words], cwd=self.empty, env=self.environment | env,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{name} {words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def manage(self, *words: str, **env: str) -> str:
        """Run a command of the service to its end; return what it printed."""
        return self.run("service", "reprise-manage", *words, **env)

    def token(self) -> str:
        """Return a new token of the user."""
        return self.manage("token", "make", USER, os.urandom(4).hex()).strip()

    def client(self) -> httpx.Client:
        """Return an HTTP client with a token of the user's."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """An HTTP client that the user has signed in with by the form."""
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as made:
            made.get("/sign-in").raise_for_status()
            form = {"username": USER, "password": PASSWORD}
            form["csrfmiddlewaretoken"] = made.cookies["reprise_csrf"]
            answer = made.post("/sign-in", data=form, headers={"Origin": self.url})
            assert answer.status_code == 302, answer.text
            yield made


@contextmanager
def installed(folder: Path, *packages: Path) -> Iterator[Installed]:
    """Build and install the wheels, start servers, and all processes before them.

    `packages` are projects that are installed into the service's environment as well.
    """
    _install(folder)
    for package in packages:
        install_package(folder, "service", str(package))
    with ExitStack() as stack:
        binaries, program = named("REPRISE_TEST_POSTGRES"), named("REPRISE_TEST_REDIS")
        (folder / "servers").mkdir()
        database = postgres.start(folder / "servers", durable=False, binaries=binaries)
        stack.callback(database.stop)
        redis = valkey.start(folder / "servers", durable=False, program=program)
        stack.callback(redis.stop)
        found = Installed(folder, database, redis)
        _prepare(found)
        stack.enter_context(_processes(found))
        yield found


def _install(folder: Path) -> None:
    clone = Clone.from_env()
    wheel.build_all(clone, folder / "dist")
    (folder / "empty").mkdir()
    for name in ("service", "client"):
        install_locked(folder, name)


def install_locked(folder: Path, name: str) -> None:
    """Make an environment with what one of the wheels' lock files names."""
    _run_uv(folder, "venv", "--python", sys.executable, name)
    locked = ["--require-hashes", "-r", f"dist/{name}.txt"]
    _run_uv(folder, "pip", "install", "--python", f"{name}/bin/python", *locked)


def install_package(folder: Path, name: str, *package: str) -> None:
    """Install a project that needs nothing more into an environment."""
    _run_uv(folder, "pip", "install", "--python", f"{name}/bin/python", "--no-deps", *package)


def _run_uv(folder: Path, *words: str) -> None:
    clone = Clone.from_env()
    command = [str(clone.venv / "bin" / "uv"), *words, "--quiet"]
    subprocess.run(command, cwd=folder, env=tool_environment(clone), check=True)


def _prepare(site: Installed) -> None:
    site.manage("migrate", "--verbosity", "0", DATABASE_URL=site.database.superuser_url)
    person = ["--username", USER, "--email", "ann@example.org"]
    site.manage("createsuperuser", "--no-input", *person, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    targets = site.folder / "targets.yaml"
    targets.write_text("targets:\n  - name: here\n")
    site.manage("targets", "import", str(targets))


@contextmanager
def _processes(site: Installed) -> Iterator[None]:
    python, manage = (site.program("service", name) for name in ("python", "reprise-manage"))
    web = ["--bind", "127.0.0.1", "--port", str(site.port), "core.asgi:application"]
    commands = {
        "web": [python, "-m", "streams.server", *web],
        "worker": [manage, "worker"],
        "sweeper": [manage, "sweeper"],
        "sealer": [manage, "sealer"],
    }
    with ExitStack() as stack:
        for name, command in commands.items():
            output = stack.enter_context((site.folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                tethered(command, signal.SIGTERM, parent=os.getpid()),
                cwd=site.empty, env=site.environment, stdout=output, stderr=output,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.terminate)
        until(lambda: _answers(site.url), lambda: _logs(site.folder))
        yield


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _logs(folder: Path) -> str:
    texts = (f"{path.name}:\n{path.read_text()}" for path in folder.glob("*.log"))
    return "\n".join(["the service to be ready", *texts])
