"""Real Postgres and Valkey for tests: started once a process, a database cloned for each test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from ops.embedded import postgres, valkey
from ops.embedded.server import Server
from ops.setup.clone import ROOT

TEMPLATE = "reprise_template"
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 2 * 1024**3


@contextmanager
def servers_folder() -> Iterator[Path]:
    """A folder for servers whose data may go with the machine: in memory where there is room.

    A database is 300 files. Where one has just been dropped, ext4 looks long for the inodes of the
    next (it passes over those deleted in the last seconds, one by one), which was a fifth of all
    that the integration tests cost.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED
    where = MEMORY if roomy else None
    with tempfile.TemporaryDirectory(prefix="reprise-servers-", dir=where) as folder:
        Path(folder).chmod(0o711)  # Postgres runs as another user where we are root
        yield Path(folder)


def named(variable: str) -> Path | None:
    """Return the path in a variable: servers of another version, to run the same tests on."""
    value = os.environ.get(variable)
    return Path(value) if value else None


def with_database(url: str, name: str) -> str:
    """Return a database address with another database's name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@dataclass
class Services:
    """The servers of one test process, in a folder of their own; started when first asked for.

    `durable` is for tests that crash Postgres: without it the last commits may be gone.
    """

    folder: Path
    durable: bool = False

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._running: list[Server] = []
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    @cached_property
    def postgres(self) -> Server:
        """Postgres, with the migrated template database."""
        server = self._keep(self._start_postgres())
        self._admin(server, "create database {}", TEMPLATE)
        url = with_database(server.superuser_url, TEMPLATE)
        env = os.environ | {"DATABASE_URL": url, "REPRISE_STATE": str(self.folder)}
        command = [sys.executable, "manage.py", "migrate", "--skip-checks", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=env, check=True)
        return server

    @cached_property
    def valkey(self) -> Server:
        """Valkey."""
        return self._keep(
            valkey.start(self.folder, durable=False, program=named("REPRISE_TEST_REDIS"))
        )

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh database, as the application reaches it; dropped afterwards."""
        server, name = self.postgres, f"test_{next(self._numbers)}"
        # Copied file by file: through the log it takes seven times as long.
        self._admin(server, f"create database {{}} template {TEMPLATE} strategy file_copy", name)
        try:
            yield with_database(server.url, name)
        finally:
            self._admin(server, "drop database {} with (force)", name)

    def restart_postgres(self, sign: signal.Signals) -> None:
        """End Postgres by a signal and start it again at the same address."""
        server = self.postgres
        server.process.send_signal(sign)
        server.process.wait()
        self.postgres = self._keep(self._start_postgres())

    def stop(self) -> None:
        """Stop whatever was started."""
        if self._connection is not None:
            self._connection.close()
        for server in reversed(self._running):
            server.stop()

    def _start_postgres(self) -> Server:
        binaries = named("REPRISE_TEST_POSTGRES")
        return postgres.start(self.folder, durable=self.durable, binaries=binaries)

    def _keep(self, server: Server) -> Server:
        self._running.append(server)
        return server

    def _admin(self, server: Server, statement: str, name: str) -> None:
        """Execute a statement on a database; again where the connection turns out to have ended.

        One connection for all tests: to make one costs more than to copy a database.
        """
        query = sql.SQL(statement).format(sql.Identifier(name))
        if self._connection is not None and not self._connection.closed:
            try:
                self._connection.execute(query)
                return
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
        self._connection = psycopg.connect(server.superuser_url, autocommit=True)
        self._connection.execute(query)
