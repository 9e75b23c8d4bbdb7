"""How long servers wait for their clients, and what they take for a sign of life.

A connection lives as long as its other end takes what it is sent, however slowly: that is what the
kernel counts as acknowledged. What has been handed to the kernel is no sign: it buffers megabytes.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from array import array
from collections.abc import Callable
from typing import Any

SLOW_SECONDS = 30.0  # a connection that takes nothing of what waits for it, for so long, is ended
FAREWELL_SECONDS = 1.0  # to begin to read why
PING_SECONDS = 20.0  # of silence, then a WebSocket is asked for a sign of life
# A ping may have to wait behind what a proxy on the way holds, with all of it taken as we see it.
PONG_SECONDS = 120.0
# A busy process may take long to get to a handshake; that is no reason to give a client up.
HANDSHAKE_SECONDS = 60.0
FIRST_SECONDS = 20.0  # to begin with a first request
IDLE_SECONDS = 75.0  # between two requests; longer than proxies keep a connection that is idle

# What waits unsent in the kernel at most, and what may wait in a connection's own buffer before
# its application has to. Both are small: a frame counts as taken when the link has taken it, and
# frames do not grow on a slow one (`streams.hub.pacing`). A fast link has nothing unsent.
UNSENT_BYTES = HELD_BYTES = 16 * 1024
_NOTSENT_LOWAT = 25  # TCP_NOTSENT_LOWAT, of linux/tcp.h
_ACKED = slice(120, 128)  # tcpi_bytes_acked in the tcp_info of linux/tcp.h
_INTERNET = {socket.AF_INET, socket.AF_INET6}


def limit_unsent(listening: Any, amount: int = UNSENT_BYTES) -> None:
    """Bound what the kernel buffers for each connection of a listening socket; 0 lifts that."""
    if listening.family in _INTERNET:
        listening.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, amount)


def unacknowledged_bytes(sock: Any) -> int:
    """Return how many bytes the kernel holds that the other end has not acknowledged."""
    answer = array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, answer)
    return answer[0]


def acknowledged_bytes(sock: Any) -> int:
    """Return a number that grows whenever the other end takes something."""
    if sock.family in _INTERNET:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.stop)
        return int.from_bytes(info[_ACKED], sys.byteorder)
    return -unacknowledged_bytes(sock)


class Patience:
    """Ends a connection that takes nothing for `SLOW_SECONDS` while something waits for it."""

    __slots__ = ("_give_up", "_socket", "_timer")

    def __init__(self, sock: Any, give_up: Callable[[], object]) -> None:
        self._socket = sock
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float | None = None) -> None:
        """Look in a while (after `seconds` the first time), for as long as something is taken."""
        self.end()
        wait = SLOW_SECONDS if seconds is None else seconds
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(wait, self._look_again, acknowledged_bytes(self._socket))

    def end(self) -> None:
        """Look no more: all has been taken, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def runs(self) -> bool:
        """Whether it has begun and not ended."""
        return self._timer is not None

    def _look_again(self, before: int) -> None:
        self._timer = None
        if acknowledged_bytes(self._socket) != before:
            self.begin()
        else:
            self._give_up()
