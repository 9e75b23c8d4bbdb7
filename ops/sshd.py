"""Real sshds with keys of their own, which the current user may come in by; for chaos and tests."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.embedded import ports
from ops.errors import CannotStart

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
READY_SECONDS = 60.0
CONFIG = """
ListenAddress {address}
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

Wrap = Callable[[list[str]], list[str]]


class Sshd:
    """A running sshd: where it is, who may come in, what it has logged, how it dies.

    `wrap` makes the command line that starts it (as another host, tied to its parent).
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1", wrap: Wrap = list) -> None:
        self.folder, self.host, self.port = folder, host, ports.free()
        self.log = folder / "sshd.log"
        self._wrap = wrap
        keygen(folder / "host_key")
        (folder / "sshd_config").write_text(CONFIG.format(folder=folder, address=host))
        self._listener: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What a target has as its address."""
        return f"ssh://{getpass.getuser()}@{self.host}:{self.port}"

    @property
    def known(self) -> str:
        """Its line in known_hosts."""
        return f"[{self.host}]:{self.port} {(self.folder / 'host_key.pub').read_text()}"

    @property
    def connections(self) -> int:
        """How many times somebody was let in."""
        return self.log.read_text().count("Accepted publickey")

    @property
    def pid(self) -> int | None:
        """The process that listens, None if there is none."""
        return self._listener.pid if self._listener and self._listener.poll() is None else None

    def start(self) -> None:
        """Start it; it takes connections when this returns. CannotStart if it does not."""
        if PROGRAM is None:
            raise CannotStart("sshd is missing: apt-get install openssh-server")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # else root's sshd does not start
        config = str(self.folder / "sshd_config")
        command = [PROGRAM, "-D", "-e", "-f", config, "-p", str(self.port)]
        with self.log.open("ab") as log:
            self._listener = subprocess.Popen(self._wrap(command), stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._listener.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"sshd did not start: {self.log.read_text().strip()}")
            time.sleep(0.02)

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd that serve connections, parents first."""
        return self._below(lambda process: process.name() == "sshd")

    def commands(self, word: str) -> list[psutil.Process]:
        """The processes below sshd with this word in their command line."""
        return self._below(lambda process: word in " ".join(process.cmdline()))

    def send(self, sign: signal.Signals) -> int:
        """Send a signal to every session's sshd, of the innermost one first; return how many."""
        sent = 0
        for one in reversed(self.sessions()):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(sign)
                sent += 1
        return sent

    def stop(self) -> None:
        """End it, and its sessions with it."""
        if self._listener is None:
            return
        self.send(signal.SIGKILL)
        self._listener.kill()
        self._listener.wait()

    def _below(self, wanted: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
        """What runs below the listener and is wanted; what ends while we look is not there."""
        found: list[psutil.Process] = []
        if self._listener is None:
            return found
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(self._listener.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    found += [one] if wanted(one) else []
        return found

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), 1) as door:
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
        return {"REPRISE_SSH_KEYS": str(self.key), "REPRISE_SSH_KNOWN_HOSTS": str(self.known_hosts)}

    @classmethod
    def make(cls, folder: Path) -> Yard:
        """Return a yard without hosts, its key made."""
        folder.mkdir(exist_ok=True)
        made = cls(folder, [])
        keygen(made.key)
        return made

    def add(self, host: str = "127.0.0.1", wrap: Wrap = list) -> Sshd:
        """Start one more host, which the key opens and the file knows; return it."""
        place = self.folder / f"host-{len(self.hosts)}"
        place.mkdir()
        made = Sshd(place, host, wrap)
        shutil.copy(f"{self.key}.pub", place / "authorized_keys")
        self.hosts.append(made)
        made.start()
        self.known_hosts.write_text("".join(one.known for one in self.hosts))
        return made

    def stop(self) -> None:
        """End all hosts."""
        for host in self.hosts:
            host.stop()


@contextmanager
def yard(folder: Path, hosts: int = 1) -> Iterator[Yard]:
    """Run so many hosts on loopback."""
    made = Yard.make(folder)
    try:
        for _ in range(hosts):
            made.add()
        yield made
    finally:
        made.stop()


def keygen(path: Path) -> None:
    """Make a key pair without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True)
