"""Free TCP ports on loopback."""

from __future__ import annotations

import random
import socket

from ops.errors import CannotStart

FIRST, LAST = 20000, 32000
"""Below the range that the kernel takes outgoing connections' ports from."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether a server could listen on the port now (addresses in TIME_WAIT do not count)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free(preferred: int | None = None) -> int:
    """Return `preferred` if it is free, else a free port picked at random."""
    if preferred and is_free(preferred):
        return preferred
    for port in random.sample(range(FIRST, LAST), 200):
        if is_free(port):
            return port
    raise CannotStart(f"No free TCP port between {FIRST} and {LAST} on 127.0.0.1.")
