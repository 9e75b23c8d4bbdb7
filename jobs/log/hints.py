"""The hint after a commit: what was appended, sent through the channel layer to followers.

A hint is only a hint: lost, late or doubled it changes nothing but latency. So it leaves the
appending thread at once: one thread with an event loop of its own sends hints in order, each with
a deadline, and drops what a frozen or absent Redis keeps it from sending.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from uuid import UUID

from channels.layers import get_channel_layer

from jobs.log.types import Appended

logger = logging.getLogger(__name__)

MAX_HINT_CHARACTERS = 256 * 1024
DEADLINE_SECONDS = 1.0
PAUSE_SECONDS = 0.5
# After a round of hints the publisher rests this many times as long as the round took.
REST = 4.0
LONGEST_REST_SECONDS = 0.1


def group_name(job_id: UUID) -> str:
    """Return the name of the channel layer's group of a job's followers."""
    return f"job.{job_id.hex}"


class News(Protocol):
    """What a publisher sends: one message to a group of the channel layer."""

    @property
    def group(self) -> str:
        """The group's name; of one group at most one message waits."""

    def then(self, later: Self) -> Self:
        """Return one message for both, this one and a later one."""

    def message(self) -> dict[str, Any]:
        """Return what goes through the channel layer."""


@dataclass(slots=True)
class Hint:
    """What is to be told of one job: `texts` is None if they are too many to carry along."""

    job: UUID
    first: int
    last: int
    status: str
    texts: list[str] | None
    size: int

    @property
    def group(self) -> str:
        """The group of the job's followers."""
        return group_name(self.job)

    @classmethod
    def of(cls, receipt: Appended) -> Hint:
        """Return the hint of one receipt."""
        size = sum(map(len, receipt.texts))
        hint = cls(receipt.job, receipt.first, receipt.last, receipt.status, receipt.texts, size)
        return hint._drop_large_texts()

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> Hint:
        """Return the hint in a message. Raises KeyError, TypeError, ValueError for any other."""
        first, last, lines = message["first"], message["last"], message["lines"]
        texts = None if lines is None else lines.split("\n")
        if texts is not None and len(texts) != last - first + 1:
            raise ValueError(f"{len(texts)} events, said to be {first} to {last}")
        size = len(lines or "")
        return cls(UUID(message["job"]), first, last, message["status"], texts, size)

    def then(self, later: Hint) -> Hint:
        """Return one hint for both; of two with a gap between them the later one (readers read)."""
        if later.first != self.last + 1:
            return later
        texts = None if self.texts is None or later.texts is None else self.texts + later.texts
        size = self.size + later.size
        return Hint(self.job, self.first, later.last, later.status, texts, size)._drop_large_texts()

    def message(self) -> dict[str, Any]:
        """Return what goes through the channel layer."""
        return {
            "type": "log.appended",
            "job": str(self.job),
            "first": self.first,
            "last": self.last,
            "status": self.status,
            "lines": None if self.texts is None else "\n".join(self.texts),
        }

    def _drop_large_texts(self) -> Hint:
        if self.size > MAX_HINT_CHARACTERS:
            self.texts = None
        return self


class Publisher:
    """Sends hints from a thread of its own, at most one waiting for each group (each job).

    A job that is appended to faster than hints go out has its news joined into one. After each
    round the publisher rests, in proportion: news of an idle process leaves at once, a busy one
    spends most of its time on appending.
    """

    def __init__(self) -> None:
        self.sent = 0
        self._waiting: dict[str, News] = {}
        self._busy = False
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._changed = threading.Condition()
        sending = self._send_for_ever()
        run = self._loop.run_until_complete
        threading.Thread(target=run, args=(sending,), name="hints", daemon=True).start()

    def tell(self, *news: News) -> None:
        """Take news to send; returns at once."""
        with self._changed:
            for one in news:
                earlier = self._waiting.get(one.group)
                self._waiting[one.group] = earlier.then(one) if earlier else one
            if self._busy:
                return
            self._busy = True
        self._loop.call_soon_threadsafe(self._wake.set)

    def flush(self, timeout: float) -> bool:
        """Wait until nothing waits any more; for a process that is about to exit."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, timeout)

    async def _send_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while due := self._take_due():
                began = self._loop.time()
                await self._send_due(due)
                await asyncio.sleep(min((self._loop.time() - began) * REST, LONGEST_REST_SECONDS))

    def _take_due(self) -> list[News]:
        with self._changed:
            due = list(self._waiting.values())
            self._waiting.clear()
            if not due:
                self._busy = False
                self._changed.notify_all()
            return due

    async def _send_due(self, due: list[News]) -> None:
        layer = get_channel_layer()
        for hint in due:
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await layer.group_send(hint.group, hint.message())
                self.sent += 1
            except Exception as error:  # noqa: BLE001 - the loop's edge: a hint may fail, a log may not
                logger.warning(
                    "hint not sent, readers will poll: %r", error, extra={"action": "hint"}
                )
                return await asyncio.sleep(PAUSE_SECONDS)


_publisher: Publisher | None = None
_publisher_pid = 0
_lock = threading.Lock()


def hint_publisher() -> Publisher:
    """Return this process's publisher (a forked child makes its own)."""
    global _publisher, _publisher_pid
    with _lock:
        if _publisher is None or _publisher_pid != os.getpid():
            _publisher, _publisher_pid = Publisher(), os.getpid()
        return _publisher


def publish_hints(receipts: Sequence[Appended]) -> None:
    """Send the hints of receipts whose transaction has committed; never blocks, never raises."""
    hint_publisher().tell(*map(Hint.of, receipts))
