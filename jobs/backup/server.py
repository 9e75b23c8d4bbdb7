"""A Postgres on restored data that only this process reaches: by a socket in a folder of its own.

It takes nothing of the configuration of the server that the data is from, which may be elsewhere,
archive its log, or wait for a standby.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg

from jobs.backup.database import open_database
from jobs.backup.programs import BackupFailed, clean_environment, find_programs, hand_over, run_as

STOP_SECONDS = 120.0
LOOK_SECONDS = 0.1
PORT = "5432"
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "hot_standby": "off",  # nobody is let in before the moment is reached
    "archive_mode": "off",
    "synchronous_standby_names": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "max_locks_per_transaction": "256",
    "log_min_messages": "log",
    "log_line_prefix": "%b: ",
    "logging_collector": "off",
}


class PrivateServer:
    """A Postgres that recovers `data` as `settings` say, and is left whole: for the main thread."""

    def __init__(self, data: Path, major: int, log: Path, settings: Mapping[str, str]) -> None:
        self._data, self._programs, self._log = data, find_programs(major, "postgres"), log
        self._settings = {**SETTINGS, **settings}
        self._sockets = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._on_term: Any = None

    def url(self, user: str, database: str) -> str:
        """Return its address for a user and a database."""
        socket = quote(str(self._sockets), safe="")
        return f"postgresql://{quote(user)}@/{quote(database)}?host={socket}&port={PORT}"

    def wait_ready(self, user: str, database: str) -> None:
        """Return once it has recovered; BackupFailed, with its own words, where it cannot."""
        while True:
            try:
                open_database(self.url(user, database)).close()
                return
            except psycopg.OperationalError as error:
                if self._process is None or self._process.poll() is not None:
                    raise BackupFailed(self._reason()) from error
            time.sleep(LOOK_SECONDS)

    def __enter__(self) -> Self:
        # A command that is ended must not leave it behind.
        self._on_term = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._sockets = Path(tempfile.mkdtemp(prefix="reprise-restore-"))
        (self._sockets / "postgresql.conf").touch()
        (self._sockets / "pg_hba.conf").write_text("local all all trust\n")
        hand_over(self._sockets)
        settings = {
            "config_file": str(self._sockets / "postgresql.conf"),
            "hba_file": str(self._sockets / "pg_hba.conf"),
            "unix_socket_directories": str(self._sockets),
            "port": PORT,
            **self._settings,
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=clean_environment({"LC_ALL": "C"}), start_new_session=True, **run_as(),
            )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if process := self._process:
            process.send_signal(signal.SIGINT)  # "fast": it leaves its data as after a shutdown
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)
        signal.signal(signal.SIGTERM, self._on_term)

    def _reason(self) -> str:
        lines = [
            line for line in self._log.read_text(errors="replace").splitlines()
            if not line.startswith("client backend")  # we, before it takes us
        ]  # fmt: skip
        fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
        reached = [line.partition("LOG:")[2].strip() for line in lines if "last completed" in line]
        return "Postgres did not recover: " + "; ".join([*fatal[:1], *reached[-1:]] or lines[-1:])
