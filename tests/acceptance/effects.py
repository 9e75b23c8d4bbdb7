"""What has really happened on the fleet's servers, seen in their folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.support.fleet_process import RunningFleet

Effect = tuple[str, str]  # server, step


class Effects:
    """Tells the effects of steps as they happen, each once, the same moment a command made it."""

    def __init__(self, fleet: RunningFleet, servers: Iterable[str]) -> None:
        self._folders = {name: fleet.folder(name) for name in servers}
        self._seen = self._look()

    def new(self) -> list[Effect]:
        """Return what has happened since the last call."""
        before, self._seen = self._seen, self._look()
        changed = [key for key, value in self._seen.items() if before[key] != value]
        return [(name, self._step(name, what)) for name, what in changed]

    def _look(self) -> dict[tuple[str, str], object]:
        seen: dict[tuple[str, str], object] = {}
        for name, folder in self._folders.items():
            seen[name, "play"] = (folder / "draining").exists()
            seen[name, "fetch"] = _releases(folder / "releases")
            seen[name, "switch"] = _link(folder / "current")
            seen[name, "restart"] = _written(folder / "restarts.json")
        return seen

    def _step(self, name: str, what: str) -> str:
        if what == "play":
            return "drain" if self._seen[name, "play"] else "undrain"
        return what


def _releases(folder: Path) -> frozenset[str]:
    return frozenset(name for name in os.listdir(folder) if not name.startswith("."))


def _link(path: Path) -> str:
    with suppress(OSError):
        return os.readlink(path)
    return ""


def _written(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
