"""One supervised game server: started, kept alive, restarted when asked, its restarts counted.

The count is on disk before a restart happens, so it survives the supervisor; a restart asked for
twice with one id counts once. Started again with its supervisor, a server counts nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ops.child import spawn
from ops.fleet import releases

STOP_SECONDS = 3.0
FIRST_BACKOFF, LAST_BACKOFF, STEADY_SECONDS = 0.2, 5.0, 10.0
KEPT_IDS = 50


@dataclass(slots=True)
class Count:
    """How often a server was restarted: because somebody asked, because it had died."""

    asked: int = 0
    crashes: int = 0
    ids: list[str] = field(default_factory=list)

    @property
    def restarts(self) -> int:
        """Return all restarts."""
        return self.asked + self.crashes


class Keeper:
    """Runs the server program of a folder's `current` release as a process of its own."""

    def __init__(self, name: str, folder: Path, port: int, speed: float) -> None:
        self.name, self.folder, self.port, self._speed = name, folder, port, speed
        self._book = folder / "restarts.json"
        self.count = Count(**json.loads(self._book.read_text())) if self._book.exists() else Count()
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = asyncio.Event()
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Return the process's id, None while there is none."""
        return self._process.pid if self._process and not self._gone.is_set() else None

    async def restart(self, request_id: str) -> None:
        """End the process and start another; with an id that was seen before, do nothing.

        OSError, and all is as it was, where the count cannot be written down: asking again helps.
        """
        async with self._lock:
            if request_id in self.count.ids:
                return
            ids = [*self.count.ids, request_id][-KEPT_IDS:]
            self._write_down(replace(self.count, asked=self.count.asked + 1, ids=ids))
            await self._end()
            self._start()

    async def keep(self) -> None:
        """Start the process, and start it again whenever it dies unasked; until cancelled."""
        self._start()
        loop, backoff = asyncio.get_running_loop(), FIRST_BACKOFF
        began = loop.time()
        while True:
            await self._gone.wait()
            backoff = FIRST_BACKOFF if loop.time() - began > STEADY_SECONDS else backoff
            await asyncio.sleep(backoff)
            async with self._lock:
                if self._gone.is_set():  # else a restart that was asked for has started it
                    backoff = min(2 * backoff, LAST_BACKOFF)
                    if self._started_again():
                        began = loop.time()

    async def stop(self) -> None:
        """End the process for good; `keep` must have been cancelled."""
        async with self._lock:
            await self._end()

    def as_dict(self) -> dict[str, Any]:
        """Return pid and counts."""
        return {
            "pid": self.pid,
            "restarts": self.count.restarts,
            "asked": self.count.asked,
            "crashes": self.count.crashes,
        }

    def _started_again(self) -> bool:
        """Count a crash and start the process; False if its disk takes neither now."""
        try:
            self._write_down(replace(self.count, crashes=self.count.crashes + 1))
            self._start()
        except OSError as error:
            print(f"fleet: {self.name} cannot be started again now: {error}", flush=True)
            return False
        return True

    def _write_down(self, count: Count) -> None:
        releases.replace(self._book, json.dumps(asdict(count)).encode())
        self.count = count

    def _start(self) -> None:
        # The kernel ends the server with this process, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", "--", *self._argv()]
        self._process = spawn(command, self.folder / "server.log")
        self._gone.clear()
        handle = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(handle, self._ended, self._process, handle)

    def _argv(self) -> list[str]:
        program = self.folder / "current" / "server.py"
        own = [self.name, self.port, self.folder, self.count.restarts, self._speed, os.getpid()]
        return [sys.executable, "-I", "-S", str(program), *map(str, own)]

    def _ended(self, process: subprocess.Popen[bytes], handle: int) -> None:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
        process.wait()
        self._gone.set()

    async def _end(self) -> None:
        process = self._process
        if process is None or self._gone.is_set():
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            process.kill()
            await self._gone.wait()
