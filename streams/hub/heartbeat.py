"""Heartbeats: when the next is due, and one that all who get it share."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from math import floor

from core.clock import now, rfc3339
from streams.wire import Heartbeat

# The protocol promises one at least every so often, so it comes a little sooner.
EARLY = 0.9
# Those that are due at about the same time are sent in one go, and are the same one.
TICK_SECONDS = 0.1
KEPT_BEATS = 64


def next_beat(moment: float, seconds: float) -> float:
    """Return when the next one is due where something was sent at this moment of the loop."""
    return floor((moment + seconds * EARLY) / TICK_SECONDS) * TICK_SECONDS


def shared_heartbeat(head: int) -> Heartbeat:
    """Return the one for this head and tick; all who get it share its encodings."""
    return _make_heartbeat(head, floor(asyncio.get_running_loop().time() / TICK_SECONDS))


@lru_cache(maxsize=KEPT_BEATS)
def _make_heartbeat(head: int, _tick: int) -> Heartbeat:
    return Heartbeat(head, rfc3339(now()))
