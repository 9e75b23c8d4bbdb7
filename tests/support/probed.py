"""Runs worker, sweeper or sealer with a port for probes, and reads what they answer there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.chaos import kinds
from tests.support import workers
from tests.support.waiting import until

KINDS = (kinds.PATH, *workers.KINDS)


@dataclass
class Probed:
    """A process with a port for probes."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> httpx.Response:
        """Return its answer."""
        return httpx.get(f"{self.url}{path}", timeout=60, trust_env=False)

    def said(self) -> dict[str, Any]:
        """Return what `/readyz` says."""
        found: dict[str, Any] = self.get("/readyz").json()
        return found

    def ready(self) -> dict[str, Any]:
        """Return what `/readyz` says once the process is ready: checks have three seconds each."""
        return until(lambda: got if (got := self.said())["status"] == "ready" else None, "ready")

    def metrics(self) -> dict[str, float]:
        """Return the samples by name, or `name{label}` where there is one."""
        answer = until(lambda: got if (got := self.get("/metrics")).is_success else None, "metrics")
        return {
            sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


@contextmanager
def probed(database: str, folder: Path, command: str, **env: str) -> Iterator[Probed]:
    """Run a process with a port for probes; it answers on entry."""
    port = ports.free()
    own = {"DATABASE_URL": database, "REPRISE_STATE": str(folder), "REPRISE_KINDS": ",".join(KINDS)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", command, "--health-port", str(port)],
        cwd=ROOT, env=os.environ | own | env,
    )  # fmt: skip
    found = Probed(process, port)
    try:
        until(lambda: _answers(found), "its port")
        yield found
    finally:
        process.terminate()
        process.wait()


def _answers(probed: Probed) -> bool:
    with suppress(httpx.HTTPError):
        return probed.get("/healthz").status_code == 200
    return False
