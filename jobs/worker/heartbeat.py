"""A worker's heartbeat: renews its leases from a thread, whatever keeps its event loop busy.

A handler that blocks the loop (`time.sleep` in an `async def`) holds up the worker's other runs,
but does not lose them their leases. A loop that is blocked for ever does: after PATIENCE leases
without a sign of it nothing is renewed, and other workers take the runs over.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connection

from core.db import leave_pool
from jobs.queue import leases

logger = logging.getLogger(__name__)

BEATS_PER_LEASE = 5
PATIENCE = 6  # leases
FRAMES_SAID = 4


class Heartbeat:
    """The thread that renews what `held` (job: fence) says, and tells `beaten` how the jobs stand.

    `beaten` is called on the event loop, with the moment (monotonic) up to which it is known.
    """

    def __init__(
        self,
        held: Callable[[], Mapping[UUID, int]],
        beaten: Callable[[float, Mapping[UUID, str]], None],
    ) -> None:
        self._held, self._beaten = held, beaten
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._heard = self.renewed_at = time.monotonic()  # of the loop; all that is held
        self._is_blocked = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve_beats, name="heartbeat", daemon=True)
        self._thread.start()

    @property
    def blocked_seconds(self) -> float:
        """For how long the event loop has given no sign, where that is longer than half a lease."""
        return time.monotonic() - self._heard if self._is_blocked else 0.0

    def stop(self) -> None:
        """Renew nothing more."""
        self._over.set()

    def _serve_beats(self) -> None:
        leave_pool()
        every = min(settings.REPRISE.lease_seconds / BEATS_PER_LEASE, 1.0)
        while not self._over.is_set():
            began = time.monotonic()
            try:
                if self._is_loop_alive(began):
                    self._renew_leases(began)
            except Exception as error:  # noqa: BLE001 - the loop's edge: runs are lost without it
                logger.warning("heartbeat failed: %r", error, extra={"action": "beat"})
            close_old_connections()
            self._over.wait(max(0.0, every - (time.monotonic() - began)))
        connection.close()

    def _renew_leases(self, now: float) -> None:
        found = leases.renew_leases(self._held())
        self.renewed_at = now
        if not self._over.is_set():
            self._loop.call_soon_threadsafe(self._beaten, now, found)

    def _is_loop_alive(self, now: float) -> bool:
        """Ask the loop for a sign, and say what it is at where there has been none for long."""
        lease = settings.REPRISE.lease_seconds
        silent = now - self._heard
        self._loop.call_soon_threadsafe(self._hear_loop)
        if silent > lease / 2 and not self._is_blocked:
            self._is_blocked = True
            logger.warning(
                "the event loop is blocked by %s:\n%s",
                *self._blocking_task(),
                extra={"action": "beat"},
            )
        return silent < lease * PATIENCE

    def _hear_loop(self) -> None:
        self._heard, self._is_blocked = time.monotonic(), False

    def _blocking_task(self) -> tuple[str, str]:
        """Return the task that the loop is at, by name, and its innermost calls."""
        task = asyncio.current_task(self._loop)
        frame = sys._current_frames().get(self._loop_thread)
        stack = traceback.format_stack(frame)[-FRAMES_SAID:] if frame else []
        return task.get_name() if task else "a callback", "".join(stack)
