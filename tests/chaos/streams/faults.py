"""The faults themselves, by the names in the plan: each does its harm and says what it did."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import redis

from ops.embedded import postgres, valkey
from tests.chaos.hosts import Host
from tests.chaos.rows import GaveUp
from tests.chaos.streams.installation import Installation
from tests.chaos.streams.plan import Planned

#: A database that is restarted is away for as long as that takes, and this.
RESTART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault plays."""

    installation: Installation
    planned: Planned

    def wait(self, seconds: float) -> None:
        """Wait; GaveUp if the series is being stopped meanwhile."""
        if self.installation.stopping.wait(seconds):
            raise GaveUp("stopped")


Act = Callable[[Scene], str]


def valkey_stop(scene: Scene) -> str:
    """Stop Valkey for a while"""
    base, seconds = scene.installation.base, scene.planned.lasts
    base.valkey.end(signal.SIGTERM, down=seconds)
    scene.wait(seconds)
    valkey.wait_ready(base.hints, lambda: not scene.installation.stopping.is_set())
    return f"Valkey away for {seconds:g} s"


def valkey_flush(scene: Scene) -> str:
    """Delete everything in Valkey"""
    with redis.Redis.from_url(scene.installation.base.hints.url) as client:
        client.flushall()
    return "FLUSHALL"


def postgres_restart(scene: Scene) -> str:
    """Restart Postgres in good order"""
    base = scene.installation.base
    base.postgres.end(signal.SIGINT, down=RESTART_SECONDS)
    scene.wait(RESTART_SECONDS)
    postgres.wait_ready(base.database, lambda: not scene.installation.stopping.is_set())
    return f"SIGINT to Postgres, started again {RESTART_SECONDS:g} s later"


def web_kill(scene: Scene) -> str:
    """Kill a web server; it is started again at once"""
    return _web(scene, signal.SIGKILL)


def web_term(scene: Scene) -> str:
    """Have a web server end in good order; it is started again at once"""
    return _web(scene, signal.SIGTERM)


def _web(scene: Scene, sign: signal.Signals) -> str:
    web = scene.installation.webs[scene.planned.web]
    return f"{sign.name} to {web.name} ({web.end(sign)})"


def web_a_cut(scene: Scene) -> str:
    """Cut the first web server's host off"""
    return _cut(scene, scene.installation.layout.webs[0])


def web_b_cut(scene: Scene) -> str:
    """Cut the second web server's host off"""
    return _cut(scene, scene.installation.layout.webs[1])


def worker_cut(scene: Scene) -> str:
    """Cut the worker's host off"""
    return _cut(scene, scene.installation.layout.worker)


def valkey_cut(scene: Scene) -> str:
    """Cut Valkey's host off"""
    return _cut(scene, scene.installation.layout.hints)


def postgres_cut(scene: Scene) -> str:
    """Cut Postgres' host off, the sweeper's too"""
    return _cut(scene, scene.installation.layout.data)


def _cut(scene: Scene, host: Host) -> str:
    host.pull_cable()
    try:
        scene.wait(scene.planned.lasts)
    finally:
        host.plug_in()
    return f"host {host.name} off the network for {scene.planned.lasts:g} s"


ACTS: Mapping[str, Act] = {
    act.__name__.replace("_", "-"): act
    for act in (
        valkey_stop, valkey_flush, postgres_restart, web_kill, web_term,
        web_a_cut, web_b_cut, worker_cut, valkey_cut, postgres_cut,
    )
}  # fmt: skip
