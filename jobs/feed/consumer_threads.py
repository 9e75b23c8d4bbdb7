"""The sweeper's threads for the consumers of the feed, one each, and the watch over them.

A handler that does not return cannot be ended from outside. After a minute the watch notes that the
consumer has failed and gives it another thread, which tries again when it is due; if the first one
comes back, it ends. So many may be lost that way; then only a restart of the sweeper helps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from django.db import Error, connection

from core.db import leave_pool
from jobs.feed import FeedEvent, consumers
from jobs.feed.consumers import Consumer

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.25
LOST_SECONDS = 1.0
SILENCE_SECONDS = 60.0
MOST_LOST = 3


class HandlerLost(Exception):
    """The handler came back long after it was given up."""


class ConsumerThreads:
    """A thread for each consumer, until `stop`."""

    def __init__(self, stop: threading.Event, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._stop, self._silence_seconds = stop, silence_seconds
        self._readers: list[_Reader] = []
        self._lost: list[_Reader] = []
        self._found: consumers.Found | None = None

    def start_threads(self) -> list[threading.Thread]:
        """Run every consumer in a thread of its own; return the threads."""
        self._found = consumers.find_consumers()
        self._readers = [_Reader(consumer, self._stop) for consumer in self._found.consumers]
        return [reader.start() for reader in self._readers]

    def replace_silent(self) -> None:
        """Note and replace the threads whose handlers have not returned for a minute.

        The first time, note too which entries of REPRISE_CONSUMERS cannot be used.
        """
        if self._found is not None:
            consumers.note_broken(self._found)
            self._found = None
        self._lost = [reader for reader in self._lost if reader.thread.is_alive()]
        for number, reader in enumerate(self._readers):
            if not reader.lost and reader.silent_seconds() > self._silence_seconds:
                reader.lost = True
                name = reader.consumer.name
                why = f"The handler has not come back for {self._silence_seconds:g} s."
                failures = consumers.note_failure(name, why)
                where = {"action": "consume", "consumer": name}
                logger.error("consumer %s is lost (%d in a row)", name, failures, extra=where)
            if reader.lost and self._count_lost(reader) < MOST_LOST:
                self._lost.append(reader)
                self._readers[number] = _Reader(reader.own, self._stop)
                self._readers[number].start()

    def _count_lost(self, reader: _Reader) -> int:
        return sum(lost.own is reader.own for lost in self._lost)


class _Reader:
    """One thread for a consumer; `lost` once it is not waited for any more."""

    def __init__(self, consumer: Consumer, stop: threading.Event) -> None:
        self.own = consumer
        self.consumer = replace(consumer, handle=self._handle_events)
        self.lost = False
        self._stop, self._since = stop, 0.0
        name = f"consumer-{consumer.name}"
        self.thread = threading.Thread(target=self._serve_consumer, name=name, daemon=True)

    def start(self) -> threading.Thread:
        """Start the thread; return it."""
        self.thread.start()
        return self.thread

    def silent_seconds(self) -> float:
        """Return for how long the handler has not returned."""
        since = self._since
        return time.monotonic() - since if since else 0.0

    def _handle_events(self, events: Sequence[FeedEvent]) -> None:
        self._since = time.monotonic()
        try:
            self.own.handle(events)
        finally:
            self._since = 0.0
        if self.lost:
            raise HandlerLost

    def _serve_consumer(self) -> None:
        leave_pool()
        pause = 0.0
        while not self._stop.wait(pause) and not self.lost:
            try:
                pause = 0 if consumers.run_once(self.consumer) else PAUSE_SECONDS
            except Exception as error:
                name = self.consumer.name
                odd = not isinstance(error, Error)  # not just a database that is away
                logger.warning("consumer %s waits: %r", name, error, exc_info=odd)
                pause = LOST_SECONDS
                _drop_connection()
        _drop_connection()


def _drop_connection() -> None:
    try:
        connection.close()
    except Error as error:
        logger.warning("a connection could not be closed: %s", error)
