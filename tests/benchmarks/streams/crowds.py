"""Crowds of followers in processes of their own, and what they say to each server."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.beside.crowd import DONE, READY, Plan
from tests.support.crowd_process import CrowdProcess

COMMAND = [sys.executable, "-m", "tests.benchmarks.beside.crowd"]
READY_SECONDS = 300.0
LOOK_SECONDS = 1.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455's own example; nobody here checks what it becomes


class Crowd:
    """A crowd that has been told its plan."""

    def __init__(self, plan: Plan) -> None:
        self._file = Path(plan.file)
        self._reported = {READY: threading.Event(), DONE: threading.Event()}
        log = self._file.with_name("log")
        self.process = CrowdProcess(COMMAND, asdict(plan), log, self._receive)

    def until_ready(self) -> None:
        """Wait until each follower is where it has to be."""
        self._wait(READY, READY_SECONDS)

    def until_done(self) -> None:
        """Wait until each follower has had what it expects."""
        while not self._reported[DONE].wait(LOOK_SECONDS):
            self._check_alive()

    def until_done_or(self, seconds: float) -> None:
        """Do the same; after so many seconds have it write down what it saw, without more."""
        self._reported[DONE].wait(seconds)
        self.process.ask_to_leave()
        self.until_done()

    def seen(self) -> dict[str, Any]:
        """Return what it wrote: see `crowd.Seen`."""
        found: dict[str, Any] = json.loads(self._file.read_text())
        return found

    def _wait(self, word: str, seconds: float) -> None:
        for _ in range(int(seconds / LOOK_SECONDS)):
            if self._reported[word].wait(LOOK_SECONDS):
                return
            self._check_alive()
        raise AssertionError(f"the crowd was not {word} within {seconds:.0f} s")

    def _check_alive(self) -> None:
        if self.process.is_over:
            raise AssertionError(f"the crowd has ended:\n{self.process.log.read_text()}")

    def _receive(self, word: str) -> None:
        self._reported[word].set()


@contextmanager
def following(port: int, requests: Sequence[str], ready: str, **more: Any) -> Iterator[Crowd]:
    """Have a crowd follow: `more` is the rest of its `Plan`; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="reprise-crowd-") as folder:
        file = Path(folder) / "seen.json"
        crowd = Crowd(Plan(port, list(requests), ready, str(file), **more))
        try:
            yield crowd
        finally:
            crowd.process.kill()


def websocket(path: str, token: str = "", more: str = "") -> str:
    """Return the request of a WebSocket handshake; `more` headers, each a line."""
    upgrade = (
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
    )
    return _get(path, token, upgrade + more)


def http(path: str, token: str = "", accept: str = "text/event-stream", more: str = "") -> str:
    """Return the request of a stream or of a long poll; `more` headers, each a line."""
    return _get(path, token, f"Accept: {accept}\r\n{more}")


def _get(path: str, token: str, more: str) -> str:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}{more}\r\n"
