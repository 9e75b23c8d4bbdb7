"""Loopback ports for the fleet: chosen once, kept in a file, chosen anew only where taken."""

from __future__ import annotations

import errno
import json
import random
import socket
import time
from pathlib import Path

from core.errors import RepriseError
from ops.fleet.releases import replace

# Below the range from which the kernel gives ports to outgoing connections.
FIRST, LAST = 20000, 32000
GRACE_SECONDS = 5.0


class NoPorts(RepriseError):
    """No free loopback ports were found between 20000 and 32000."""


def keep(book: Path, names: list[str], *, grace_seconds: float = GRACE_SECONDS) -> dict[str, int]:
    """Return a free port for each name, those in `book` where they still can be had; NoPorts."""
    kept: dict[str, int] = json.loads(book.read_text()) if book.exists() else {}
    deadline = time.monotonic() + grace_seconds
    for name in names:
        # A fleet that was killed a moment ago may not have let go of its ports yet.
        while name in kept and not is_free(kept[name]) and time.monotonic() < deadline:
            time.sleep(0.05)
        if name not in kept or not is_free(kept[name]):
            if name in kept:
                print(f"fleet: port {kept[name]} of {name} is taken, choosing another", flush=True)
            kept[name] = choose(set(kept.values()))
    replace(book, json.dumps(kept, indent=1).encode())
    return {name: kept[name] for name in names}


def choose(taken: set[int]) -> int:
    """Return a free port that is not in `taken`; NoPorts if none was found."""
    for port in random.sample(range(FIRST, LAST), 500):
        if port not in taken and is_free(port):
            return port
    raise NoPorts


def is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True
