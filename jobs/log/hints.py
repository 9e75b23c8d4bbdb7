"""The hint after a commit: what was appended, sent through the channel layer to whoever follows.

A hint is only a hint: lost, late or doubled it changes nothing but latency. So it leaves the
appending thread at once: one thread with an event loop of its own sends hints in order, each with
a deadline, and drops what a frozen or absent Redis keeps it from sending.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from jobs.log.types import Appended

logger = logging.getLogger(__name__)

MAX_HINT_BYTES = 256 * 1024
DEADLINE_SECONDS = 1.0
PAUSE_SECONDS = 0.5
MAX_WAITING = 10_000


def group(job_id: UUID) -> str:
    """Return the name of the channel layer's group of a job's followers."""
    return f"job.{job_id.hex}"


def message(receipt: Appended) -> dict[str, Any]:
    """Return a receipt's hint; `lines` is None where the events are too many to carry along."""
    lines = "\n".join(receipt.texts)
    return {
        "type": "log.appended",
        "job": str(receipt.job),
        "first": receipt.first,
        "last": receipt.last,
        "status": receipt.status,
        "lines": lines if len(lines.encode()) <= MAX_HINT_BYTES else None,
    }


class Publisher:
    """Sends hints from a thread of its own, in order, at most MAX_WAITING of them waiting."""

    def __init__(self) -> None:
        self.sent = 0
        self.dropped = 0
        self._waiting: deque[Appended] = deque()
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._unsent = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._serve, name="hints", daemon=True).start()

    def put(self, receipts: Sequence[Appended]) -> None:
        """Take receipts to send; returns at once."""
        if len(self._waiting) + len(receipts) > MAX_WAITING:
            self.dropped += len(receipts)
            return
        with self._changed:
            self._unsent += len(receipts)
        self._waiting.extend(receipts)
        self._loop.call_soon_threadsafe(self._wake.set)

    def flush(self, timeout: float) -> bool:
        """Wait until nothing waits any more; for a process that is about to exit."""
        with self._changed:
            return self._changed.wait_for(lambda: self._unsent == 0, timeout)

    def _serve(self) -> None:
        self._loop.run_until_complete(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        while True:
            if not self._waiting:
                await self._wake.wait()
                self._wake.clear()
                continue
            await self._send(self._waiting.popleft())

    async def _send(self, receipt: Appended) -> None:
        try:
            layer = get_channel_layer()
            sending = layer.group_send(group(receipt.job), message(receipt))
            await asyncio.wait_for(sending, DEADLINE_SECONDS)
            self.sent += 1
            self._settle(1)
        except Exception as error:  # noqa: BLE001 - the loop's edge: a hint may fail, a log may not
            lost = 1
            while self._waiting:
                self._waiting.popleft()
                lost += 1
            self.dropped += lost
            self._settle(lost)
            logger.warning("hint not sent, readers will poll: %r", error, extra={"action": "hint"})
            await asyncio.sleep(PAUSE_SECONDS)

    def _settle(self, count: int) -> None:
        with self._changed:
            self._unsent -= count
            self._changed.notify_all()


_publisher: Publisher | None = None
_publisher_pid = 0
_lock = threading.Lock()


def publisher() -> Publisher:
    """Return this process's publisher (a forked child makes its own)."""
    global _publisher, _publisher_pid
    with _lock:
        if _publisher is None or _publisher_pid != os.getpid():
            _publisher, _publisher_pid = Publisher(), os.getpid()
        return _publisher


def publish(receipts: Sequence[Appended]) -> None:
    """Send the hints of receipts whose transaction has committed; never blocks, never raises."""
    publisher().put(receipts)
