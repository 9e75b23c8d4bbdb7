"""The installation that is broken: workers and a sweeper before their servers, and its sites."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from ops.child import tethered
from ops.errors import CannotStart
from ops.launcher import ready
from ops.setup import say
from ops.setup.clone import ROOT
from ops.sshd import Sshd, Yard
from tests.chaos.base_servers import BaseServers
from tests.chaos.hosts import Host, Layout
from tests.chaos.rows import Rows
from tests.chaos.site import Site
from tests.chaos.supervised import SupervisedProcess

WORKER = "chaos-worker"  # what Postgres knows the workers' connections by
RUNS = 8  # at a time in a worker: all that there can be


class Installation:
    """A running installation: the main thread starts and stops it, other threads break it."""

    def __init__(self, base: BaseServers, layout: Layout) -> None:
        self.base, self.layout = base, layout
        self.stopping = threading.Event()
        self.rows = Rows(self.stopping)
        self.sites: list[Site] = []
        self.workers: list[SupervisedProcess] = []
        self.cut_off: Host | None = None  # the last that was
        self.troubles: list[tuple[float, float]] = []
        self._yard: Yard | None = None
        self._breaking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def start(self) -> None:
        """Start everything and take stock; CannotStart."""
        with say.step("Starting servers to update") as step:
            self._start_sites()
            step.note = ", ".join(f"{len(site.names)} over {site.transport}" for site in self.sites)
        with say.step("Starting workers and sweeper"):
            for number, host in enumerate(self.layout.workers, 1):
                words = (f"worker {number}", host, "worker", "--runs", str(RUNS))
                self.workers.append(self._manage(*words, PGAPPNAME=WORKER))
            self.rows.place_bystanders()
            self._manage("sweeper", self.layout.data, "sweeper")
            self._wait_workers()

    def stop(self) -> None:
        """Stop what is not kept."""
        self.stopping.set()
        if self._yard:
            self._yard.stop()
        for site in self.sites:
            site.disks.close()

    @property
    def deaths(self) -> list[str]:
        """What has ended although nobody here ended it.

        A Postgres that has crashed may need a second start, while the old one's backends end.
        """
        return self.base.supervisor.deaths(self.base.postgres)

    def worker(self, pid: int) -> SupervisedProcess | None:
        """Return the worker with this pid, None if it is not alive any more."""
        alive = (worker for worker in self.workers if worker.is_alive)
        return next((worker for worker in alive if worker.pid == pid), None)

    def pardon(self, pids: Iterable[int]) -> None:
        """Expect that these workers have ended: the runs that they had were made to end them."""
        for pid in pids:
            for worker in self.workers:
                worker.pardon(pid)

    @contextmanager
    def breaking(self, name: str) -> Iterator[None]:
        """Break something of this name, which one thread at a time may do."""
        with self._breaking[name]:
            yield

    @contextmanager
    def away(self) -> Iterator[None]:
        """Have Postgres away, which every run has to wait for."""
        with self.breaking("postgres"):
            began = time.time()
            try:
                yield
            finally:
                self.troubles.append((began, time.time()))

    def _start_sites(self) -> None:
        folder, supervisor = self.base.folder, self.base.supervisor
        for number, (host, transport) in enumerate(self.layout.sites, 1):
            site = Site(number, host, transport, folder / f"site-{number}", self.layout.servers)
            self.sites.append(site)
            supervisor.add(site.fleet)
            if transport == "ssh":
                site.sshd = self._sshd(host)
        for site in self.sites:
            ready.wait_fleet(site.folder / "fleet.json", supervisor.watch)
            self.rows.take_stock(site.take_stock())

    def _sshd(self, host: Host) -> Sshd:
        if self._yard is None:
            self._yard = Yard.make(self.base.folder / "ssh")
            os.environ |= self._yard.env  # for the workers
        made = self._yard.add(host.address, partial(_tied, host))
        self.base.supervisor.spare(lambda: made.pid)
        return made

    def _wait_workers(self) -> None:
        deadline = time.monotonic() + ready.READY_SECONDS
        while self.rows.workers() < len(self.workers):
            self.base.supervisor.watch()
            if time.monotonic() > deadline:
                raise CannotStart(f"The workers do not start: {self.workers[0].log}")
            time.sleep(0.1)

    def _manage(self, name: str, host: Host, *words: str, **env: str) -> SupervisedProcess:
        return self.base.supervisor.add(
            SupervisedProcess(
                name,
                [sys.executable, "manage.py", *words],
                self.base.folder / f"{name.replace(' ', '-')}.log",
                host=host,
                env=os.environ | env,
                cwd=ROOT,
            )
        )


def _tied(host: Host, command: list[str]) -> list[str]:
    return host.command(tethered(command, signal.SIGKILL, parent=os.getpid()))
