"""Relays in a thread of their own, for callers without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable
from typing import TypeVar

from tests.support.relay.server import Relay

TIMEOUT_SECONDS = 60.0

Key = TypeVar("Key", bound=Hashable)


class RelayThread:
    """Runs relays in a background thread; call `close` at the end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)
        self._thread.start()
        self._running: list[Relay] = []

    def start(self, relays: dict[Key, Relay]) -> dict[Key, Relay]:
        """Start these; return them once they listen."""
        for relay in relays.values():
            asyncio.run_coroutine_threadsafe(relay.start(), self._loop).result(TIMEOUT_SECONDS)
            self._running.append(relay)
        return relays

    def stop_all(self) -> None:
        """Stop all relays that run."""
        while self._running:
            closing = self._running.pop().close()
            asyncio.run_coroutine_threadsafe(closing, self._loop).result(TIMEOUT_SECONDS)

    def close(self) -> None:
        """Stop all relays, and the thread."""
        self.stop_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
