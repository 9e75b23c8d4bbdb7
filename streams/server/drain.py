"""Going down: what a server does between SIGTERM and its exit, well inside ten seconds.

Nobody is let in to follow any more, and followers are told to come back, spread over the grace, so
that they do not all come to the next process at one moment. Ordinary requests are answered
meanwhile, new ones too. Then the server closes its door and waits a little for the requests in
flight and for clients that still take what they were sent. What is left is handed to the kernel,
which goes on sending when the process has ended. What it cannot hold is cut off, and not lost:
followers have their cursors.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection
from typing import Any

from django.conf import settings

from jobs.log.hints import hint_publisher
from streams import process
from streams.followers.registry import current_followers
from streams.server.patience import limit_unsent

logger = logging.getLogger(__name__)

# Beyond the grace: for frames on their way, for requests in flight, for what has been cut off.
SLACK_SECONDS, REQUEST_SECONDS, LAST_SECONDS = 1.0, 2.0, 1.0
HAND_OVER_SECONDS = 0.5
LOOK_SECONDS = 0.05
# More than a follower's buffer; the kernel gives as much of it as it is set up to.
ROOM_BYTES = 1024 * 1024


class Drain:
    """One end of one server. A second signal cuts it short: everybody is told at once then."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._give_up = float("inf")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(self._hurry_followers))

    async def followers(self) -> None:
        """Send everybody off who follows; return when they have left, or the grace is over."""
        followers, seconds = current_followers(), settings.REPRISE.drain_seconds
        logger.info("going down, %d followers", len(followers), extra={"action": "drain"})
        followers.go_down(seconds)
        await self.until(lambda: len(followers) == 0, seconds + SLACK_SECONDS)

    async def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait for something, so many seconds at most."""
        give_up, over = self._loop.time() + seconds, False
        while not done() and not over:
            # One more look than the time allows: after a stop of the whole process (a busy host)
            # all its timers are due at once, and followers must get their turn before they are cut.
            over = self._loop.time() >= min(give_up, self._give_up)
            await asyncio.sleep(LOOK_SECONDS)

    async def leave_to_kernel(self, buffered: Callable[[], Collection[Any]]) -> None:
        """Have the kernel take what is still in this process for these sockets, if it has room."""
        for sock in buffered():
            limit_unsent(sock, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM_BYTES)
        await self.until(lambda: not buffered(), HAND_OVER_SECONDS)

    def _hurry_followers(self) -> None:
        current_followers().go_down(0)
        self._give_up = self._loop.time() + REQUEST_SECONDS


async def close_process() -> None:
    """Close what this process has open, and send the hints that it has not sent yet."""
    flushing = asyncio.to_thread(hint_publisher().flush, LAST_SECONDS)
    closing = asyncio.gather(process.close_hub(), flushing, return_exceptions=True)
    try:
        async with asyncio.timeout(LAST_SECONDS):
            await closing
    except TimeoutError:
        logger.warning("left something open", extra={"action": "drain"})


def exit_soon() -> None:
    """Have the process end with 0 in a second, though a thread be stuck in a request given up."""
    timer = threading.Timer(LAST_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()
