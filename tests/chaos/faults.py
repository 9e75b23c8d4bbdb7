"""The faults themselves, by the names in the plan: each does its harm and says what it did."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import psycopg
import redis

from ops.embedded import postgres, valkey
from tests.chaos.base_servers import LEASE_SECONDS
from tests.chaos.installation import WORKER, Installation
from tests.chaos.plan import Planned
from tests.chaos.rows import GaveUp
from tests.chaos.site import Site
from tests.chaos.supervised import SupervisedProcess

LOOK_SECONDS = 0.05
LONGEST_CUT = 90.0  # a run that is over no sooner is stuck
_CUT = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name = %s and pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault plays: a run of a place, on the servers of a site."""

    installation: Installation
    site: Site
    planned: Planned
    job: UUID

    @property
    def server(self) -> str:
        """The server that is hit, where one is."""
        return self.site.names[self.planned.pick % len(self.site.names)]

    def wait(self, seconds: float) -> None:
        """Wait; GaveUp if the series is being stopped meanwhile."""
        if self.installation.stopping.wait(seconds):
            raise GaveUp("stopped")


class Missed(Exception):
    """The fault could not come; the message says why."""


Act = Callable[[Scene], str]


def worker_kill(scene: Scene) -> str:
    """Kill the worker that has the run"""
    worker, attempt = _holder(scene)
    pid = worker.end(signal.SIGKILL)
    return f"SIGKILL to {worker.name} ({pid}) in attempt {attempt}"


def worker_freeze(scene: Scene) -> str:
    """Stop the worker that has the run until after its lease, then let it go on"""
    worker, _attempt = _holder(scene)
    with scene.installation.breaking(worker.name):  # else another freeze would end this one
        worker, attempt = _holder(scene)
        process, seconds = worker.process, LEASE_SECONDS + scene.planned.lasts
        if process is None:
            raise Missed(f"{worker.name} died before it could be stopped")
        process.send(signal.SIGSTOP)
        try:
            scene.wait(seconds)
        finally:
            process.send(signal.SIGCONT)
    return f"SIGSTOP to {worker.name} ({process.pid}) in attempt {attempt} for {seconds:.1f} s"


def postgres_restart(scene: Scene) -> str:
    """Restart Postgres in good order"""
    return _postgres(scene, signal.SIGINT)


def postgres_crash(scene: Scene) -> str:
    """Have Postgres end at once, without a checkpoint, and recover"""
    return _postgres(scene, signal.SIGQUIT)


def _postgres(scene: Scene, sign: signal.Signals) -> str:
    base, seconds = scene.installation.base, scene.planned.lasts
    with scene.installation.away():
        base.postgres.end(sign, down=seconds)
        scene.wait(seconds)
        postgres.wait_ready(base.database, lambda: not scene.installation.stopping.is_set())
    return f"{sign.name} to Postgres, started again {seconds:.1f} s later"


def backend_kill(scene: Scene) -> str:
    """End every connection that workers have to the database"""
    url = scene.installation.base.database.superuser_url

    def cut() -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(_CUT, [WORKER]).fetchone()
            return int(row[0]) if row else 0

    return f"{scene.installation.rows.ask(cut)} connections of workers ended"


def valkey_flush(scene: Scene) -> str:
    """Delete everything in Valkey"""
    url = scene.installation.base.hints.url
    with scene.installation.breaking("valkey"), redis.Redis.from_url(url) as client:
        client.flushall()
    return "FLUSHALL"


def valkey_stop(scene: Scene) -> str:
    """Stop Valkey for a while"""
    base, seconds = scene.installation.base, scene.planned.lasts
    with scene.installation.breaking("valkey"):
        base.valkey.end(signal.SIGTERM, down=seconds)
        scene.wait(seconds)
        valkey.wait_ready(base.hints, lambda: not scene.installation.stopping.is_set())
    return f"Valkey away for {seconds:.1f} s"


def ssh_cut(scene: Scene) -> str:
    """Cut the ssh connections to the run's host by killing its sshd processes, not the listener"""
    sshd = scene.site.sshd
    while not (cut := sshd.send(signal.SIGKILL) if sshd else 0):
        if scene.installation.rows.has_ended(scene.job):
            raise Missed("the run had ended")
        scene.wait(LOOK_SECONDS)
    return f"SIGKILL to {cut} sshd processes of {scene.site.name}"


def disk_full(scene: Scene) -> str:
    """Let a server's folder take nothing more for a while"""
    disks, folder = scene.site.disks, scene.site.disk(scene.server)
    disks.fill(folder)
    try:
        scene.wait(scene.planned.lasts)
    finally:
        disks.free(folder)
    return f"the disk of {scene.server} full for {scene.planned.lasts:.1f} s"


def host_cut(scene: Scene) -> str:
    """Cut the host of the worker that has the run off the network until the run is over"""
    with scene.installation.breaking("network"):  # one at a time, so that somebody is left to go on
        worker, attempt = _holder(scene)
        scene.installation.cut_off = host = worker.host
        host.pull_cable()
        try:
            _until_over(scene)
        finally:
            host.plug_in()
    return f"host {host.name} cut off in attempt {attempt}, plugged in after the run"


def host_alone(scene: Scene) -> str:
    """Stop the workers of all hosts but the one that was cut off last, until the run is over"""
    with scene.installation.breaking("network"):
        host = scene.installation.cut_off or scene.installation.workers[0].host
        others = [worker for worker in scene.installation.workers if worker.host != host]
        try:
            for worker in others:
                worker.end(signal.SIGTERM, down=LONGEST_CUT)
            _until_over(scene)
        finally:
            for worker in others:
                worker.come_back()
    return f"host {host.name} alone, {len(others)} workers of others stopped until the run was over"


def _until_over(scene: Scene) -> None:
    deadline = time.monotonic() + LONGEST_CUT
    while not scene.installation.rows.has_ended(scene.job) and time.monotonic() < deadline:
        scene.wait(LOOK_SECONDS)


def nothing(scene: Scene) -> str:
    """Break nothing: this run goes on beside others that are broken"""
    return "nothing was broken here"


def _holder(scene: Scene) -> tuple[SupervisedProcess, int]:
    """Return the worker that has the run, alive, and the attempt; Missed if the run is over."""
    while True:
        if holder := scene.installation.rows.holder(scene.job):
            if worker := scene.installation.worker(holder[0]):
                return worker, holder[1]
        elif scene.installation.rows.has_ended(scene.job):
            raise Missed("the run had ended")
        scene.wait(LOOK_SECONDS)


ACTS: Mapping[str, Act] = {
    act.__name__.replace("_", "-"): act
    for act in (
        worker_kill, worker_freeze, postgres_restart, postgres_crash, backend_kill,
        valkey_flush, valkey_stop, ssh_cut, disk_full, host_cut, host_alone, nothing,
    )
}  # fmt: skip
