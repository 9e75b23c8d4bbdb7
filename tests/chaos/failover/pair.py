"""Two Postgres, one the standby of the other by streaming replication, that change places."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from core.config_values import check_database_url
from ops.embedded import ports
from ops.embedded.server import Prepared
from ops.setup import say
from tests.chaos.base_servers import BaseServers
from tests.chaos.hosts import Host
from tests.chaos.supervised import SupervisedProcess, Supervisor

FOREVER = 1e9
PROMOTE_SECONDS = 60
_STREAMING = """
select coalesce(bool_or(state = 'streaming' and sync_state = %s), false) from pg_stat_replication
"""


class Pair(BaseServers):
    """The base servers, with a second Postgres. The main thread calls `start`; any other one
    `arm`, `fail_over` and `rebuild`, while the main thread tends.
    """

    def __init__(self, folder: Path, supervisor: Supervisor, settings: dict[str, str]) -> None:
        super().__init__(folder, Host(), supervisor, settings=settings)
        self._nodes = [self.database, _second(self.database, folder)]
        self._processes = [self.postgres]
        self.primary = 0

    @property
    def address(self) -> str:
        """Both servers, of which the one is used that takes writes."""
        parts, second = urlsplit(self._nodes[0].url), self._nodes[1].port
        netloc = f"{parts.netloc},127.0.0.1:{second}"
        return check_database_url(parts._replace(netloc=netloc).geturl())

    @property
    def standby(self) -> int:
        """Which of the two is the standby."""
        return 1 - self.primary

    def start(self) -> None:
        """Start all, and the second Postgres as the first one's standby."""
        super().start()
        with say.step("Making a standby"):
            self._copy(self.standby)
            node = self._nodes[self.standby]
            self._processes.append(
                self.supervisor.add(
                    SupervisedProcess(
                        "postgres-2", node.command, node.log, account=node.account,
                        cwd=node.place, stop_signal=node.stop_signal,
                        death_signal=node.stop_signal,
                    ),
                    last=True,
                )
            )  # fmt: skip
            self.supervisor.tend()

    def arm(self, synchronous: bool, wait: Callable[[float], None]) -> None:
        """Have commits wait for the standby, or not; return once it streams so."""
        names = "*" if synchronous else ""
        self._execute(self.primary, f"alter system set synchronous_standby_names = '{names}'")
        self._execute(self.primary, "select pg_reload_conf()")
        state = "sync" if synchronous else "async"
        while not self._ask(self.primary, _STREAMING, state):
            wait(0.1)

    def cut_standby(self) -> None:
        """Have the standby get nothing more."""
        self._execute(self.standby, "alter system set primary_conninfo = ''")
        self._execute(self.standby, "select pg_reload_conf()")

    def fail_over(self) -> None:
        """End the primary at once, and have the standby take its place."""
        self._processes[self.primary].end(signal.SIGQUIT, down=FOREVER)
        self._ask(self.standby, "select pg_promote(true, %s)", PROMOTE_SECONDS)
        self.primary = self.standby
        # Else it would wait for a standby that is not there yet.
        self._execute(self.primary, "alter system set synchronous_standby_names = ''")
        self._execute(self.primary, "select pg_reload_conf()")

    def rebuild(self) -> None:
        """Make a standby anew in the place of the one that was lost; the main thread starts it."""
        self._copy(self.standby)
        self._processes[self.standby].come_back()

    def _copy(self, number: int) -> None:
        """Copy the primary into the other one's place, as its standby."""
        node, source = self._nodes[number], self._nodes[self.primary]
        data = node.place / "data"
        shutil.rmtree(data, ignore_errors=True)
        parts = urlsplit(source.superuser_url)
        command = [
            str(Path(source.command[0]).parent / "pg_basebackup"), "--pgdata", str(data), "--host",
            "127.0.0.1", "--port", str(source.port), "--username", parts.username or "",
            "--checkpoint", "fast", "--write-recovery-conf", "--no-sync",
        ]  # fmt: skip
        env = os.environ | {"PGPASSWORD": unquote(parts.password or "")}
        subprocess.run(command, env=env, check=True, capture_output=True)
        if (account := node.account) is not None:
            for path in (data, *data.rglob("*")):
                os.chown(path, account.uid, account.gid, follow_symlinks=False)

    def _execute(self, number: int, statement: str) -> None:
        with psycopg.connect(self._url(number), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _ask(self, number: int, query: str, *values: object) -> Any:
        with psycopg.connect(self._url(number), autocommit=True) as connection:
            row = connection.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def _url(self, number: int) -> str:
        return self._nodes[number].superuser_url


def _second(first: Prepared, folder: Path) -> Prepared:
    """Return what runs the second Postgres, whose data are made later."""
    port, place = ports.free(), first.place.with_name(f"{first.place.name}-2")
    place.mkdir()
    if first.account is not None:
        shutil.chown(place, first.account.uid, first.account.gid)
    old, new = str(first.place / "data"), str(place / "data")
    command = [new if word == old else word for word in first.command]
    return replace(
        first,
        command=(*command, "-c", f"port={port}"),
        place=place,
        log=folder / "postgres-2.log",
        port=port,
        url=first.url.replace(f":{first.port}/", f":{port}/"),
        superuser_url=first.superuser_url.replace(f":{first.port}/", f":{port}/"),
    )
