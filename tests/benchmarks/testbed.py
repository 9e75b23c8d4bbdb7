"""Starts a durable, migrated Postgres and a Valkey, and sets up Django for them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.db import connections
from psycopg import sql

from ops.embedded import postgres, valkey

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Testbed:
    """The servers of a benchmark: the application's address of the database, and the owner's."""

    folder: Path
    url: str
    owner_url: str

    def bare(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a plain psycopg connection with the application's rights."""
        return psycopg.connect(self.url, autocommit=True)

    def owner(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a plain psycopg connection with the owner's rights."""
        return psycopg.connect(self.owner_url, autocommit=True)

    def other(self, name: str) -> Testbed:
        """Return a second, migrated database beside this one."""
        base = _named(self.owner_url, "postgres")
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        made = Testbed(self.folder, _named(self.url, name), _named(self.owner_url, name))
        _migrate(made)
        return made

    def use_in_django(self) -> None:
        """Put Django before this database."""
        from core.config_values import database_settings

        connection = connections["default"]
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # the Postgres backend's
        connection.settings_dict.update(database_settings(self.url))


@contextmanager
def prepared(folder: Path | None = None) -> Iterator[Testbed]:
    """Start both as an installation has them (fsync, synchronous commit); stop them at the end."""
    with tempfile.TemporaryDirectory(prefix="reprise-bench-", dir=folder) as name:
        state = Path(name)
        with ExitStack() as stack:
            server = postgres.start(state, durable=True)
            stack.callback(server.stop)
            hints = valkey.start(state)
            stack.callback(hints.stop)
            testbed = Testbed(state, server.url, server.superuser_url)
            _migrate(testbed)
            os.environ |= {
                "DATABASE_URL": testbed.url,
                "REDIS_URL": hints.url,
                "REPRISE_STATE": name,
                "DJANGO_SETTINGS_MODULE": "core.settings",
            }
            django.setup()
            yield testbed


def _migrate(testbed: Testbed) -> None:
    env = os.environ | {"DATABASE_URL": testbed.owner_url, "REPRISE_STATE": str(testbed.folder)}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=env, check=True)


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
