"""A site: servers of a demo fleet on one host, behind an sshd or not, as the service's targets."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.embedded import folders
from ops.fleet.host.basics import call
from ops.setup.clone import ROOT
from ops.sshd import Sshd
from tests.chaos.checks import Server
from tests.chaos.disk import Disks, disks
from tests.chaos.hosts import Host
from tests.chaos.supervised import SupervisedProcess

SPEED = "20"
ANSWER_SECONDS = 20.0


class Site:
    """The servers of one site: where they are, how they are, what can be done to them."""

    def __init__(self, number: int, host: Host, transport: str, folder: Path, servers: int) -> None:
        self.name, self.host, self.transport, self.folder = f"s{number}", host, transport, folder
        self.sshd: Sshd | None = None
        self.servers: dict[str, dict[str, Any]] = {}
        self.disks: Disks = disks([folder / f"gs-{one:03}" for one in range(1, servers + 1)])
        command = [sys.executable, "-m", "ops.fleet", "--state", str(folder)]
        self.fleet = SupervisedProcess(
            f"fleet {self.name}",
            [*command, "--servers", str(servers)],
            folder.with_name(f"{folder.name}.log"),
            host=host,
            cwd=ROOT,
            stop_signal=signal.SIGTERM,
        )

    @property
    def names(self) -> list[str]:
        """The targets' names, in order."""
        return list(self.servers)

    def take_stock(self) -> list[dict[str, Any]]:
        """Learn who is there from the fleet's book; return the targets' fields."""
        book = folders.load(self.folder / "fleet.json")
        self.servers = {f"{self.name}-{one['name']}": one for one in book["servers"]}
        return [self._target(name, one) for name, one in self.servers.items()]

    def look(self, name: str) -> Server:
        """Return how a server really is, asked over HTTP; OSError if it does not say."""
        server = self.servers[name]
        return Server.of(
            self._ask("GET", f"{server['url']}/version"),
            self._ask("GET", f"{server['url']}/drain"),
            self._ask("GET", server["control"]),
        )

    def let_in(self, name: str) -> None:
        """Let players in again where a run could not."""
        self._ask("DELETE", f"{self.servers[name]['url']}/drain")

    def disk(self, name: str) -> Path:
        """Return the folder of a server."""
        return Path(self.servers[name]["variables"]["folder"])

    def _ask(self, method: str, url: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                with self.host.entered():
                    return call(method, url)[1]
            except (OSError, ValueError) as error:
                if time.monotonic() > deadline:
                    raise OSError(f"{method} {url}: {error}") from error
            time.sleep(0.1)

    def _target(self, name: str, server: Mapping[str, Any]) -> dict[str, Any]:
        variables = server["variables"]
        words = [name if word == server["name"] else word for word in variables["ctl"]]
        ctl = self.disks.command(variables["folder"], words)
        return {
            "name": name,
            "group": self.name,
            "transport": self.transport,
            "address": self.sshd.address if self.sshd else server["url"],
            "variables": {**variables, "ctl": ctl},
        }
