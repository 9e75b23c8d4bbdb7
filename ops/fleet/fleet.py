"""The fleet: its folders, its servers and their control ports, in one supervising process.

    <state>/fleet.json            who is there, written when all answer, removed before and after
    <state>/repository/           releases, see `ops.fleet.releases`
    <state>/gs-001/               releases/<version>/, current, server.log, restarts.json, …

A control port answers `GET /` with the server's state and takes `POST /fail` (`ops.fleet.faults`),
`POST /reset`, and from the control script `POST /begin {"step"}` and `POST /restart {"id"}`.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from core.errors import RepriseError
from ops.fleet import httpd, ports, releases
from ops.fleet.faults import Faults
from ops.fleet.host.basics import link
from ops.fleet.host.release import is_right, unpack
from ops.fleet.keeper import Keeper

ANSWER_SECONDS = 30.0
CTL = Path(__file__).with_name("ctl.py")
REGIONS = ("frankfurt", "ashburn", "singapore")


class FleetError(RepriseError):
    """The demo fleet cannot run."""


class Member:
    """One server of the fleet with its control port."""

    def __init__(self, keeper: Keeper, control_port: int) -> None:
        self.keeper, self.control_port, self.faults = keeper, control_port, Faults()
        self.url = f"http://127.0.0.1:{keeper.port}"
        self.control = f"http://127.0.0.1:{control_port}"

    def state(self) -> dict[str, Any]:
        """Return what the control port answers to `GET /`."""
        known = {"name": self.keeper.name, "url": self.url, "folder": str(self.keeper.folder)}
        told = {"failures": self.faults.as_dict(), "begun": dict(self.faults.begun)}
        return known | self.keeper.as_dict() | told

    async def handle(self, method: str, path: str, body: dict[str, Any]) -> httpd.Answer:
        """Answer one request on the control port; ValueError if the body is unusable."""
        match method, path:
            case "GET", "/":
                pass
            case "POST", "/fail":
                self.faults.tell(body)
            case "POST", "/reset":
                self.faults.clear()
            case "POST", "/begin":
                return 200, {"how": self.faults.take(body.get("step"))}
            case "POST", "/restart":
                await self.keeper.restart(str(body.get("id") or os.urandom(8).hex()))
            case _:
                return 404, {"error": f"nothing at {method} {path}"}
        return 200, self.state()


class Fleet:
    """All servers of one state folder; one process at a time may run it."""

    def __init__(self, state: Path, servers: int, speed: float) -> None:
        self.state, self.speed = state.resolve(), speed
        self.names = [f"gs-{number:03}" for number in range(1, servers + 1)]
        self.members: list[Member] = []
        self._lock: IO[str] | None = None

    def prepare(self) -> None:
        """Make folders, releases and ports; FleetError if another fleet runs here."""
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = (self.state / "fleet.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FleetError(f"another fleet runs in {self.state}") from None
        self.book.unlink(missing_ok=True)
        releases.build(self.repository)
        for name in self.names:
            install(self.repository, self.state / name)
        wanted = [*self.names, *(f"{name} control" for name in self.names)]
        chosen = ports.keep(self.state / "ports.json", wanted)
        self.members = [
            Member(Keeper(name, self.state / name, chosen[name], self.speed), chosen[control])
            for name, control in zip(self.names, wanted[len(self.names) :], strict=True)
        ]

    @property
    def repository(self) -> Path:
        """Return the folder with the release archives."""
        return self.state / "repository"

    @property
    def book(self) -> Path:
        """Return where the fleet is written down once it answers."""
        return self.state / "fleet.json"

    async def run(self) -> None:
        """Serve until cancelled, then leave no process behind."""
        controls = [await httpd.serve(one.control_port, one.handle) for one in self.members]
        keeping = [asyncio.create_task(one.keeper.keep()) for one in self.members]
        try:
            await self._answered()
            releases.replace(self.book, json.dumps(self.as_dict(), indent=1).encode())
            await asyncio.gather(*keeping)
        finally:
            self.book.unlink(missing_ok=True)
            for control in controls:
                control.close()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            await asyncio.gather(*(one.keeper.stop() for one in self.members))

    def as_dict(self) -> dict[str, Any]:
        """Return what `fleet.json` holds: versions, and the servers as targets of the service."""
        return {
            "versions": releases.updatable(),
            "servers": [self._target(number, one) for number, one in enumerate(self.members)],
        }

    def _target(self, number: int, one: Member) -> dict[str, Any]:
        folder, repository = str(one.keeper.folder), str(self.repository)
        ctl = [sys.executable, "-I", "-S", str(CTL), "--name", one.keeper.name, "--url", one.url]
        ctl += ["--folder", folder, "--repository", repository, "--control", one.control]
        return {
            "name": one.keeper.name,
            "url": one.url,
            "control": one.control,
            "group": "demo",
            "labels": {"region": REGIONS[number % len(REGIONS)]},
            "variables": {
                "control": one.control,
                "folder": folder,
                "repository": repository,
                "ctl": [*ctl, "--speed", f"{self.speed:g}"],
            },
        }

    async def _answered(self) -> None:
        began = time.monotonic()
        await asyncio.gather(*(self._answers(one) for one in self.members))
        print(
            f"fleet: {len(self.members)} servers answer after {time.monotonic() - began:.1f} s",
            flush=True,
        )

    async def _answers(self, one: Member) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                await httpd.get(one.keeper.port, "/version")
            except (OSError, ValueError):  # TimeoutError is an OSError
                if time.monotonic() > deadline:
                    log = one.keeper.folder / "server.log"
                    raise FleetError(f"{one.keeper.name} does not answer, see {log}") from None
                await asyncio.sleep(0.05)
            else:
                return


def install(repository: Path, folder: Path) -> None:
    """Give a server its folder and its first release; one that has a release keeps it."""
    (folder / "releases").mkdir(parents=True, exist_ok=True)
    place = folder / "releases" / releases.INITIAL
    if not is_right(str(place)):
        archive = repository / f"game-{releases.INITIAL}.tar.gz"
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder / "releases") as work:
            unpack(str(archive), f"{work}/release")
            if place.exists():
                place.rename(f"{work}/damaged")
            Path(work, "release").rename(place)
    if not (folder / "current" / "server.py").exists():
        link(str(folder), releases.INITIAL)
