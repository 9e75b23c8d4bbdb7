"""Django's pool of connections when Postgres was away: who waits longest is served as well."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from core import pool
from ops.embedded import postgres
from ops.embedded.server import Server
from tests.support.django_servers import using_database
from tests.support.waiting import until

KEPT = 8
# The pauses of a pool that finds eight broken connections one by one come to more.
SECONDS = 120


class Outages:
    """A Postgres that can be away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server: Server = self._start()

    def _start(self) -> Server:
        return postgres.start(self._folder, durable=False)

    def begin(self) -> None:
        """Stop it."""
        self.server.process.send_signal(signal.SIGINT)
        self.server.process.wait()

    def end(self) -> None:
        """Start it again at the same address."""
        self.server = self._start()


@pytest.fixture
def outages(tmp_path: Path) -> Iterator[Outages]:
    made = Outages(tmp_path)
    try:
        yield made
    finally:
        made.server.stop()


def ask() -> int:
    """Do as a request does in its thread."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def ask_together(requests: int) -> None:
    """Have the pool make so many connections."""
    together = threading.Barrier(requests)

    def hold() -> None:
        with connection.cursor():
            together.wait()
        connection.close()

    with ThreadPoolExecutor(requests) as threads:
        for done in [threads.submit(hold) for _ in range(requests)]:
            done.result()


def options(**more: Any) -> dict[str, Any]:
    return {"pool": pool.OPTIONS | {"timeout": SECONDS} | more}


def test_a_restart_that_nobody_noticed_is_found_out_once(outages: Outages) -> None:
    with using_database(outages.server.url, OPTIONS=options()), ThreadPoolExecutor(1) as threads:
        ask_together(KEPT)
        outages.begin()
        outages.end()
        assert threads.submit(ask).result() == 1


def test_who_waits_already_is_served_when_nobody_else_comes(outages: Outages) -> None:
    gave_up = threading.Event()

    def note(made: ConnectionPool[Any]) -> None:
        gave_up.set()
        pool.OPTIONS["reconnect_failed"](made)

    with (
        using_database(outages.server.url, OPTIONS=options(reconnect_failed=note)),
        ThreadPoolExecutor(1) as threads,
    ):
        ask_together(1)
        outages.begin()
        waiting = threads.submit(ask)
        until(gave_up.is_set, "the pool to give a connection up")
        outages.end()
        assert waiting.result() == 1
