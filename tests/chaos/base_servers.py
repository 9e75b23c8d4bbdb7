"""Starts the Postgres and Valkey of an installation, migrates them and sets up Django."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import django

from ops.embedded import postgres, valkey
from ops.embedded.server import Prepared
from ops.setup import say
from ops.setup.clone import ROOT
from tests.chaos import kinds, servers
from tests.chaos.hosts import Host
from tests.chaos.supervised import SupervisedProcess, Supervisor

# Short, so that much can happen in a few minutes.
LEASE_SECONDS = 3.0
SWEEP_SECONDS = 0.5
SILENCE_SECONDS = 2.0
SHORT: Mapping[str, str] = {
    "REPRISE_LEASE_SECONDS": str(LEASE_SECONDS),
    "REPRISE_SWEEP_SECONDS": str(SWEEP_SECONDS),
    "REPRISE_SSH_SILENCE_SECONDS": str(SILENCE_SECONDS),
    "REPRISE_SSH_CONNECT_SECONDS": "5",
    "REPRISE_FLEET_SPEED": "20",
    "REPRISE_KINDS": kinds.PATH,
}


class BaseServers:
    """A Postgres on a host and a Valkey there or on another, kept alive by `supervisor`.

    They are durable as an installation's are: what was acknowledged has to survive a crash.
    `settings` are for all processes before them.
    """

    def __init__(
        self,
        folder: Path,
        host: Host,
        supervisor: Supervisor,
        *,
        hints: Host | None = None,
        settings: Mapping[str, str] = SHORT,
    ) -> None:
        self.folder, self.host, self.supervisor, self._settings = folder, host, supervisor, settings
        self.database = servers.database(folder, host)
        self.hints = servers.hints(folder, hints or host)
        self.postgres = self._serve(self.database, host)
        self.valkey = self._serve(self.hints, hints or host)

    @property
    def address(self) -> str:
        """The database's address, as the application has it."""
        return self.database.url

    def start(self) -> None:
        """Start both and migrate; processes started later find them. CannotStart."""
        with say.step("Starting Postgres and Valkey"):
            self.supervisor.tend()
            postgres.wait_ready(self.database, lambda: self.postgres.is_alive)
            valkey.wait_ready(self.hints, lambda: self.valkey.is_alive)
            postgres.provision(self.database)
        with say.step("Migrating the database"):
            own = {"DATABASE_URL": self.database.superuser_url, "REPRISE_STATE": str(self.folder)}
            command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
            subprocess.run(command, cwd=ROOT, env=os.environ | own, check=True)
        os.environ |= {
            "DATABASE_URL": self.address,
            "REDIS_URL": self.hints.url,
            "DJANGO_SETTINGS_MODULE": "core.settings",
            "REPRISE_STATE": str(self.folder),
            "REPRISE_LOCAL": "trusted",  # what commands change is ours: full disks and their files
            **self._settings,
        }
        django.setup()

    def _serve(self, prepared: Prepared, host: Host) -> SupervisedProcess:
        return self.supervisor.add(
            SupervisedProcess(
                prepared.name,
                prepared.command,
                prepared.log,
                host=host,
                account=prepared.account,
                cwd=prepared.place,
                stop_signal=prepared.stop_signal,
                death_signal=prepared.stop_signal,
            ),
            last=True,
        )
