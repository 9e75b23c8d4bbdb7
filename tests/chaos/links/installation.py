"""The installation that is followed: daphne and uvicorn, nginx before each, and their jobs."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from ops.embedded import ports
from ops.errors import CannotStart
from ops.launcher import ready
from ops.setup import say
from tests.chaos.base_servers import BaseServers
from tests.chaos.links import nginx
from tests.chaos.links.kinds import DOORS, JOBS, SERVERS
from tests.chaos.rows import USER
from tests.chaos.streams import installation
from tests.chaos.streams.layout import Layout
from tests.chaos.supervised import SupervisedProcess

MODULES = dict(
    zip(
        SERVERS,
        (["streams.server", "--server-name", "reprise-web"], ["streams.server_uvicorn"]),
        strict=True,
    )
)
ANYWHERE = "0.0.0.0"
RUNS = 8
READY_SECONDS = 60.0


class Installation(installation.Installation):
    """A running installation on one host; `ports` are by server and door."""

    def __init__(self, base: BaseServers, layout: Layout, size: float) -> None:
        super().__init__(base, layout)
        self.host, self._size = layout.data, size
        self.ports: dict[tuple[str, str], int] = {}
        self._ended: dict[str, UUID] = {}

    def start(self, runs: int = RUNS) -> None:
        """Start everything; return when it answers. CannotStart."""
        with say.step("Starting web servers, nginx and worker"):
            for server in SERVERS:
                self._serve(server)
            self._manage("worker", self.host, "--runs", str(runs))
            self._manage("sweeper", self.host)
            for port in self.ports.values():
                ready.wait_ready(f"http://{self.host.address}:{port}", self.base.supervisor.watch)
            self.rows.take_stock([])

    def job(self, name: str) -> UUID:
        """Return a job of `JOBS`: one that has ended, or a new one that goes on."""
        if JOBS[name].rate:
            return self._submit(name, f"{name}-{time.time_ns()}")
        if name not in self._ended:
            job = self._ended[name] = self._submit(name, name)
            deadline = time.monotonic() + READY_SECONDS
            while not self.rows.has_ended(job):
                self.base.supervisor.watch()
                if time.monotonic() > deadline:
                    raise CannotStart("A job does not end.")
                time.sleep(0.1)
        return self._ended[name]

    def cookie(self) -> str:
        """Return the cookie of a session of who may see the jobs, `name=value`."""
        browser, name = Client(), settings.SESSION_COOKIE_NAME
        browser.force_login(User.objects.get(username=USER))
        return f"{name}={browser.cookies[name].value}"

    def _submit(self, name: str, key: str) -> UUID:
        params = asdict(JOBS[name].scaled(self._size)) | {"steps": 10}
        return self.rows.ask(partial(installation.submit_load, params, key))

    def _serve(self, server: str) -> None:
        """Start a web server, and nginx before it."""
        bare, door = DOORS
        address = self.host.address if self.host.namespace is None else ANYWHERE
        for one in DOORS:
            self.ports[server, one] = ports.free()
        where = ["--bind", address, "--port", str(self.ports[server, bare])]
        words = ["-m", *MODULES[server], *where, "core.asgi:application"]
        self._supervise(server, self.host, words)
        folder = self.base.folder / f"nginx-{server}"
        folder.mkdir()
        upstream = f"{self.host.address}:{self.ports[server, bare]}"
        command = nginx.prepare(folder, f"{address}:{self.ports[server, door]}", upstream)
        log = folder.with_suffix(".log")
        self.base.supervisor.add(
            SupervisedProcess(f"nginx before {server}", command, log, host=self.host)
        )
