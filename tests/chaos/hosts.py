"""Where processes are started: this machine, or hosts that are network namespaces of it.

Namespaces, cables (veth pairs) and the switch (a bridge) live in namespaces that `ops/chaos hosts`
has to itself, so that nothing of them is seen from the machine, or left behind.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CannotStart

CLONE_NEWNET = 0x40000000
NAMED = Path("/run/netns")
SWITCH = "switch"
NET = "10.77.0"


@dataclass(frozen=True, slots=True)
class Host:
    """A host: its address, and the network namespace that it is, if it is not this machine."""

    name: str = "here"
    address: str = "127.0.0.1"
    namespace: Path | None = None

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs a command there."""
        if self.namespace is None:
            return list(argv)
        return ["nsenter", f"--net={self.namespace}", "--", *argv]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread be there: what it connects to and listens on meanwhile."""
        if self.namespace is None:
            yield
            return
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            theirs = os.open(self.namespace, os.O_RDONLY)
            try:
                _enter(theirs)
            finally:
                os.close(theirs)
            yield
        finally:
            _enter(ours)
            os.close(ours)

    def pull_cable(self) -> None:
        """Cut it off the network: nothing comes or goes, and nobody is told."""
        _ip("link", "set", "dev", self.name, "nomaster")

    def plug_in(self) -> None:
        """Put it back on the network."""
        _ip("link", "set", "dev", self.name, "master", SWITCH)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is on which host: `data` has Postgres, Valkey and the sweeper.

    There is a worker on each of `workers`, and a site with so many `servers` on each of `sites`,
    reached by the transport beside it.
    """

    data: Host
    workers: Sequence[Host]
    sites: Sequence[tuple[Host, str]]
    servers: int


def wire_up(names: Sequence[str]) -> list[Host]:
    """Make a switch, which this machine's own address `.1` is on, and a host for each name.

    CannotStart, with what ip(8) says, where that cannot be done.
    """
    NAMED.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "tmpfs", str(NAMED))  # names of our own, gone with us
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "name", SWITCH, "type", "bridge")
    _ip("addr", "add", f"{NET}.1/24", "dev", SWITCH)
    _ip("link", "set", SWITCH, "up")
    return [_host(name, number) for number, name in enumerate(names, 2)]


def _host(name: str, number: int) -> Host:
    made = Host(name, f"{NET}.{number}", NAMED / name)
    _ip("netns", "add", name)
    _ip("link", "add", "name", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    made.plug_in()
    _ip("link", "set", "dev", name, "up")
    for words in (
        ("addr", "add", f"{made.address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _run(*made.command(["ip", *words]))
    return made


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CannotStart(f"{' '.join(command)}: {ran.stderr.strip()}")
