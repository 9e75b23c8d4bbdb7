"""Crowds of followers in processes of their own, and what they say to each server."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.beside.crowd import Plan
from tests.benchmarks.stage import ROOT

COMMAND = [sys.executable, "-m", "tests.benchmarks.beside.crowd"]
READY_SECONDS = 300.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455's own example; nobody here checks what it becomes


@dataclass(slots=True)
class Crowd:
    """A crowd that has been told its plan."""

    told: IO[str]
    says: IO[str]
    file: Path

    def until_ready(self) -> None:
        """Wait until each follower is where it has to be."""
        if not select.select([self.says], [], [], READY_SECONDS)[0]:
            raise AssertionError(f"not everybody was there within {READY_SECONDS:.0f} s")
        self._hear("ready")

    def until_done(self) -> None:
        """Wait until each follower has had what it expects."""
        self._hear("done")

    def until_done_or(self, seconds: float) -> None:
        """Do the same; after so many seconds have it write down what it saw, without more."""
        select.select([self.says], [], [], seconds)
        self.told.close()
        self.until_done()

    def seen(self) -> dict[str, Any]:
        """Return what it wrote: see `crowd.Seen`."""
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def _hear(self, word: str) -> None:
        said = self.says.readline().strip()
        if said != word:
            raise AssertionError(f"the crowd said {said!r} in place of {word!r}")


@contextmanager
def following(port: int, requests: Sequence[str], ready: str, **more: Any) -> Iterator[Crowd]:
    """Have a crowd follow: `more` is the rest of its `Plan`; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="reprise-crowd-") as folder:
        file = Path(folder) / "seen.json"
        plan = Plan(port, list(requests), ready, str(file), **more)
        there, told = _pipe()
        says, here = _pipe()
        with there, told, says, here:
            process = subprocess.Popen(COMMAND, cwd=ROOT, stdin=there, stdout=here)
            here.close()
            print(plan.text(), file=told, flush=True)
            try:
                yield Crowd(told, says, file)
            finally:
                process.kill()
                process.wait()


def _pipe() -> tuple[IO[str], IO[str]]:
    read, write = os.pipe()
    return os.fdopen(read), os.fdopen(write, "w")


def websocket(path: str, token: str = "") -> str:
    """Return the request of a WebSocket handshake."""
    upgrade = (
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
    )
    return _get(path, token, upgrade)


def http(path: str, token: str = "", accept: str = "text/event-stream") -> str:
    """Return the request of a stream or of a long poll."""
    return _get(path, token, f"Accept: {accept}\r\n")


def _get(path: str, token: str, more: str) -> str:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}{more}\r\n"
