"""A dump of a test's database, put back over it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg

from tests.support.services import Services, with_database


class Backup:
    """A dump of a database, by the wheel's own programs."""

    def __init__(self, services: Services, database_url: str, file: Path) -> None:
        self._name = database_url.rsplit("/", 1)[1]
        self._server = services.postgres
        self._url = with_database(services.postgres.superuser_url, self._name)
        self._file = file
        self._run("pg_dump", "--format=custom", f"--file={file}", self._url)

    def restore(self) -> None:
        """Put it in the place of the database, even if somebody is connected."""
        with psycopg.connect(self._server.superuser_url, autocommit=True) as connection:
            connection.execute(f'drop database "{self._name}" with (force)'.encode())
            connection.execute(f'create database "{self._name}"'.encode())
        self._run(
            "pg_restore", "--exit-on-error", "--single-transaction",
            f"--dbname={self._url}", str(self._file),
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        tools = Path(self._server.prepared.command[0]).parent
        command = [str(tools / program), *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
