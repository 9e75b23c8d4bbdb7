"""The servers that are measured, each started on a port of its own, and the CPU they take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import httpx
import psutil
import redis
from django.contrib.auth.models import User

from jobs.access import tokens
from ops import child
from ops.embedded import ports
from tests.benchmarks.testbed import ROOT, Testbed
from tests.support.counters import read_counters

PATIENCE_SECONDS = 180.0
HERE = Path(__file__).parent
# The limits on followers are measured by tests; here they must not be what is measured.
FREE = {
    "REPRISE_NEW_FOLLOWERS_PER_SECOND": "5000",
    "REPRISE_MAX_FOLLOWERS_PER_USER": "10000",
    "REPRISE_ROTATE_SECONDS": "600",
}


@dataclass(slots=True)
class Served:
    """A running server: its port, and its processes; `token` opens ours.

    `postgres` is the first process of the database that it reads, where it reads one.
    """

    port: int
    processes: list[psutil.Process] = field(default_factory=list)
    token: str = ""
    postgres: psutil.Process | None = None

    def cpu(self) -> float:
        """Return the seconds of CPU that it has taken."""
        return sum(map(_seconds, self.processes))

    def database_cpu(self) -> float:
        """Return the seconds of CPU that Postgres has taken, all its processes past and present."""
        if self.postgres is None:
            return 0.0
        own = self.postgres.cpu_times()
        ended: float = own.children_user + own.children_system
        return ended + _seconds(self.postgres) + sum(map(_seconds, self.postgres.children()))

    def memory(self) -> int:
        """Return the bytes that are its own and in memory."""
        return sum(process.memory_full_info().uss for process in self.processes)

    def counters(self) -> dict[str, int]:
        """Return our web process's counters, `name` or `name{of="label"}` to number."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return read_counters(f"http://127.0.0.1:{self.port}", headers)


def token(name: str) -> str:
    """Return a new token, of this name, of a member of staff."""
    user, _made = User.objects.update_or_create(
        username="bench", defaults={"is_superuser": True, "is_staff": True}
    )
    _token, raw = tokens.make_token(user, name)
    return raw


@contextmanager
def ours(testbed: Testbed, **env: str) -> Iterator[Served]:
    """Run our web process before the stage's database, without limits on followers."""
    port = ports.free()
    command = [
        *(sys.executable, "-m", "streams.server", "--application-close-timeout", "2", "-v", "0"),
        *("-b", "127.0.0.1", "-p", str(port), "core.asgi:application"),
    ]
    own = {"DATABASE_URL": testbed.url, "REPRISE_DRAIN_SECONDS": "0", **FREE, **env}
    with _running(command, own) as process:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), "our web process")
        yield Served(port, [process], token(f"bench {port}"), _postgres(testbed))


@contextmanager
def daphne(application: str) -> Iterator[Served]:
    """Run stock daphne with an application of `tests.benchmarks.beside`."""
    port = ports.free()
    command = [
        *(sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port)),
        f"tests.benchmarks.beside.{application}:application",
    ]
    with _running(command) as process:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), application)
        yield Served(port, [process])


@contextmanager
def bare_pubsub(channel: str) -> Iterator[Served]:
    """Run a WebSocket server that passes on what is published in a channel of Valkey."""
    port = ports.free()
    command = [sys.executable, "-m", "tests.benchmarks.beside.bare_pubsub", str(port), channel]
    with _running(command) as process:
        _until(lambda: _connects(port), "the bare WebSocket server")
        yield Served(port, [process])


@contextmanager
def nchan(folder: Path) -> Iterator[Served]:
    """Run Debian's nginx with Nchan: one worker, publishers at /pub, followers at /sub."""
    port, place = ports.free(), folder / "nchan"
    place.mkdir(exist_ok=True)
    config = place / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    text = Template((HERE / "nchan.conf").read_text())
    config.write_text(text.substitute(port=port, place=place, user=user))
    with _running(["nginx", "-e", f"{place}/error.log", "-c", str(config)]) as master:
        _until(lambda: _connects(port) and master.children(), "nginx with Nchan")
        yield Served(port, master.children())


@contextmanager
def nats(folder: Path) -> Iterator[Served]:
    """Run the NATS server of the wheel, with JetStream in a folder of its own."""
    port, place = ports.free(), folder / "nats"
    program = str(Path(sys.executable).with_name("nats-server"))
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(place)]
    with _running(command) as process:
        _until(lambda: _connects(port), "nats-server")
        yield Served(port, [process])


def _postgres(testbed: Testbed) -> psutil.Process:
    with testbed.bare() as connection:
        first = psutil.Process(connection.info.backend_pid).parent()
    if first is None:
        raise AssertionError("Postgres runs elsewhere: its CPU cannot be counted")
    return first


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a database's process that ended just now: its parent has it
        return 0.0
    return float(times.user + times.system)


def valkey_cpu() -> float:
    """Return the seconds of CPU that the stage's Valkey has taken, as it says itself."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


@contextmanager
def _running(command: list[str], env: Mapping[str, str] | None = None) -> Iterator[psutil.Process]:
    search = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    given = os.environ | {"PATH": search} | dict(env or {})
    with tempfile.TemporaryFile("w+") as reported:
        process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=reported, stderr=reported)
        try:
            yield psutil.Process(process.pid)
        except BaseException:
            reported.seek(0)
            print(reported.read()[-4000:], file=sys.stderr)
            raise
        finally:
            child.stop(process)


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come up within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5).status_code == 200
    return False


def _connects(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
