"""The installation that is broken: two web servers before a worker, Valkey and Postgres."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from core.errors import NotNow
from jobs import commands
from jobs.access import tokens, visibility
from ops.embedded import ports
from ops.launcher import ready
from ops.setup import say
from ops.setup.clone import ROOT
from tests.chaos.base_servers import BaseServers
from tests.chaos.hosts import Host
from tests.chaos.rows import USER, Rows
from tests.chaos.streams.layout import Layout
from tests.chaos.supervised import SupervisedProcess

KIND = "load"
EVENT_BYTES = 200
#: Longer than a series lasts, which ends its jobs itself; and what a run begins again with.
JOB_SECONDS, STEP_SECONDS = 3600, 4


class Installation:
    """A running installation: the main thread starts and tends it, another breaks it."""

    def __init__(self, base: BaseServers, layout: Layout) -> None:
        self.base, self.layout = base, layout
        self.stopping = threading.Event()
        self.rows = Rows(self.stopping)
        self.webs: list[SupervisedProcess] = []
        self.urls: list[str] = []

    def start(self, runs: int) -> None:
        """Start everything, a worker for so many runs; return when it answers. CannotStart."""
        with say.step("Starting web servers, worker and sweeper"):
            for name, host in zip("ab", self.layout.webs, strict=True):
                self._start_web(f"web {name}", host)
            self._manage("worker", self.layout.worker, "--runs", str(runs))
            self._manage("sweeper", self.layout.data)
            for url in self.urls:
                ready.wait_ready(url, self.base.supervisor.watch)
            self.rows.take_stock([])

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self.stopping.set()

    def submit(self, jobs: int, rate: float) -> list[UUID]:
        """Have so many jobs write so many events a second, all together, until they are ended."""
        params = {
            "events": int(rate / jobs * JOB_SECONDS),
            "bytes": EVENT_BYTES,
            "rate": rate / jobs,
            "steps": JOB_SECONDS // STEP_SECONDS,
        }
        return [
            self.rows.ask(partial(submit_load, params, f"chaos-{number}")) for number in range(jobs)
        ]

    def end(self, jobs: list[UUID]) -> None:
        """Have the jobs end."""
        for job in jobs:
            self.rows.ask(partial(_cancel, job))

    def token(self) -> str:
        """Return an API token of who may see the jobs."""
        user = User.objects.get(username=USER)
        return tokens.make_token(user, "followers")[1]

    def _start_web(self, name: str, host: Host) -> None:
        port = ports.free()
        command = ["-m", "streams.server", "--server-name", "reprise-web"]
        where = ["--bind", host.address, "--port", str(port), "core.asgi:application"]
        self.webs.append(self._supervise(name, host, [*command, *where]))
        self.urls.append(f"http://{host.address}:{port}")

    def _manage(self, name: str, host: Host, *words: str) -> None:
        self._supervise(name, host, ["manage.py", name, *words])

    def _supervise(self, name: str, host: Host, words: list[str]) -> SupervisedProcess:
        log = self.base.folder / f"{name.replace(' ', '-')}.log"
        command = [sys.executable, *words]
        return self.base.supervisor.add(
            SupervisedProcess(name, command, log, host=host, env=dict(os.environ), cwd=ROOT)
        )


def _user() -> visibility.Principal:
    return visibility.of_user(User.objects.get(username=USER))


def submit_load(params: Mapping[str, Any], key: str) -> UUID:
    """Submit a job of the kind `load`, once a key; return its id."""
    return commands.submit(_user(), KIND, params, idempotency_key=key)[0].pk


def _cancel(job: UUID) -> None:
    try:
        commands.cancel(_user(), job)
    except NotNow:  # asked again, after an answer that did not arrive
        return
