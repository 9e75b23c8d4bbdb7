"""A real sshd on a loopback port, for tests: keys of its own, the current user may come in."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.test import override_settings

from ops.embedded import ports
from tests.fleet_process import until

PROGRAM = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIG = """
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
LogLevel VERBOSE
"""


@dataclass(frozen=True)
class Place:
    """A target as transports see it."""

    address: str
    name: str = "box"
    transport: str = "ssh"
    variables: Mapping[str, Any] = field(default_factory=dict)


class Sshd:
    """A running sshd: where it is, who may come in, what it has logged, how it dies."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, ports.free()
        self.log = folder / "sshd.log"
        keygen(folder / "host_key")
        (folder / "sshd_config").write_text(CONFIG.format(folder=folder))
        self._listener: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What a target has as its address."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def known(self) -> str:
        """Its line in known_hosts."""
        return f"[127.0.0.1]:{self.port} {(self.folder / 'host_key.pub').read_text()}"

    @property
    def connections(self) -> int:
        """How many times somebody was let in."""
        return self.log.read_text().count("Accepted publickey")

    def start(self) -> None:
        """Start it; it takes connections when this returns."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # else root's sshd does not start
        config = str(self.folder / "sshd_config")
        command = [PROGRAM or "sshd", "-D", "-e", "-f", config, "-p", str(self.port)]
        with self.log.open("ab") as log:
            self._listener = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: self._answers(), "sshd")

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd that serve connections, parents first."""
        return self._below(lambda process: process.name() == "sshd")

    def commands(self, word: str) -> list[psutil.Process]:
        """The processes below sshd with this word in their command line."""
        return self._below(lambda process: word in " ".join(process.cmdline()))

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to every session's sshd, of the innermost one first."""
        for one in reversed(self.sessions()):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(sign)

    def stop(self) -> None:
        """End it, and its sessions with it."""
        if self._listener is None:
            return
        self.send(signal.SIGKILL)
        self._listener.kill()
        self._listener.wait()

    def _below(self, wanted: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
        """What runs below the listener and is wanted; what ends while we look is not there."""
        assert self._listener is not None
        found = []
        for one in psutil.Process(self._listener.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found += [one] if wanted(one) else []
        return found

    def _answers(self) -> bool:
        assert self._listener is not None
        assert self._listener.poll() is None, self.log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as door:
            return door.recv(4) == b"SSH-"
        return False


@dataclass
class Yard:
    """Several hosts, a key that opens all of them, and the file that knows them."""

    folder: Path
    hosts: list[Sshd]

    @property
    def key(self) -> Path:
        """The key that they let in."""
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        """The file with their host keys."""
        return self.folder / "known_hosts"

    @property
    def env(self) -> dict[str, str]:
        """The settings that make a worker use both."""
        return {
            "REPRISE_SSH_KEYS": str(self.key),
            "REPRISE_SSH_KNOWN_HOSTS": str(self.known_hosts),
        }

    def config(self, silence: float = 3.0) -> override_settings:
        """Have Django in this process use both, and wait `silence` seconds at most."""
        return override_settings(
            REPRISE=replace(
                settings.REPRISE,
                ssh_keys=(str(self.key),),
                ssh_known_hosts=self.known_hosts,
                ssh_silence_seconds=silence,
                ssh_connect_seconds=5.0,
            )
        )


@contextmanager
def yard(folder: Path, hosts: int = 1) -> Iterator[Yard]:
    """Run so many hosts."""
    folder.mkdir(exist_ok=True)
    made = Yard(folder, [])
    keygen(made.key)
    try:
        for number in range(hosts):
            place = folder / f"host-{number}"
            place.mkdir()
            host = Sshd(place)
            shutil.copy(f"{made.key}.pub", place / "authorized_keys")
            made.hosts.append(host)
            host.start()
        made.known_hosts.write_text("".join(host.known for host in made.hosts))
        yield made
    finally:
        for host in made.hosts:
            host.stop()


def keygen(path: Path) -> None:
    """Make a key pair without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True)
