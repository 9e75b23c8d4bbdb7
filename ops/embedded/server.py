"""A running server: what to reach it by, and how it stops."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ops import child
from ops.embedded.account import Account
from ops.errors import CannotStart


@dataclass(frozen=True, slots=True)
class Prepared:
    """A server made ready to run: its command, whom it runs as, where it will be reached.

    `stop_signal` ends it in good order. `superuser_url` is for Postgres; elsewhere it equals `url`.
    """

    name: str
    command: tuple[str, ...]
    account: Account | None
    place: Path
    log: Path
    port: int
    stop_signal: int
    url: str
    superuser_url: str

    def tethered(self, *, parent: int | None = None, death_signal: int | None = None) -> list[str]:
        """Return the command that becomes the account and dies with its parent.

        `death_signal` is what the parent's death sends: the stop signal unless given, 0 for none.
        """
        sent = self.stop_signal if death_signal is None else death_signal
        return child.tethered(self.command, sent, account=self.account, parent=parent)


@dataclass(slots=True)
class Server:
    """A private server that this process started; a context manager that stops it.

    `pid` is the server's own (Postgres: the postmaster), for tests that kill or freeze it. It dies
    with this process, whatever ends this process.
    """

    prepared: Prepared
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address with the application's user and password."""
        return self.prepared.url

    @property
    def superuser_url(self) -> str:
        """The address with the superuser's (Postgres)."""
        return self.prepared.superuser_url

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self.prepared.port

    def stop(self, seconds: float = child.STOP_SECONDS) -> None:
        """Stop in good order, by force after so many seconds; harmless when it has ended."""
        child.stop(self.process, seconds, stop_signal=self.prepared.stop_signal)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def run(prepared: Prepared, wait_ready: Callable[[Callable[[], bool]], None]) -> Server:
    """Start the server and return it once `wait_ready(is_alive)` has; CannotStart if it dies.

    It is tied to the thread that starts it (prctl(2) counts threads as parents), so one started
    outside the main thread is not tied, lest it end with a pool's thread.
    """
    in_main = threading.current_thread() is threading.main_thread()
    command = prepared.tethered(parent=os.getpid(), death_signal=None if in_main else 0)
    process = child.spawn(command, prepared.log, cwd=prepared.place)
    server, ready = Server(prepared, process), False
    try:
        wait_ready(lambda: process.poll() is None)
        ready = True
    finally:
        if not ready:
            server.stop()
    return server


def last_words(log: Path) -> str:
    """Return the last line of a server's log, for an error message."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def died(prepared: Prepared) -> CannotStart:
    """Return the error for a server that ended, or never answered, while it was waited for."""
    words = last_words(prepared.log)
    return CannotStart(f"{prepared.name} did not start: {words} (log: {prepared.log})")
