"""How a follower is paced: how large its next frame may be, and when its next heartbeat is due."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from math import floor

from core.clock import now, rfc3339
from streams.wire import Heartbeat

# A frame that is taken sooner than this may be followed by one twice as large, one that takes
# longer than that by one half as large.
QUICK_SECONDS, SLOW_SECONDS = 0.25, 1.0
# The protocol promises a heartbeat at least every so often, so it comes a little sooner.
EARLY = 0.9
# Those that are due at about the same time are sent in one go, and are the same one.
TICK_SECONDS = 0.1
KEPT_BEATS = 64


class FrameSize:
    """How large the next frame may be: small at first, then as the connection takes them.

    Begins with `least`, and lets no frame have more than twice what the largest before it had.

    A browser sees nothing of a WebSocket's message before it is there as a whole. So how long the
    frames so far have taken to come says how long the next may take. `room` is `least` times a
    power of two, `most` at most, in any unit.
    """

    __slots__ = ("_least", "_most", "room")

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = min(least, most), most
        self.room = self._least

    def took(self, size: int, seconds: float) -> None:
        """Note that the connection took a frame of this size, and how long it had to be waited."""
        fits = self._least
        while fits < size and fits < self._most:
            fits *= 2
        if seconds > SLOW_SECONDS:
            self.room = max(fits // 2, self._least)
        elif seconds < QUICK_SECONDS and 3 * size > self.room:
            # One that leaves most of its room free says nothing of larger ones.
            self.room = min(max(self.room, 2 * fits), self._most)


def next_beat(moment: float, seconds: float) -> float:
    """Return when the next heartbeat is due where something was sent at this moment of the loop."""
    return floor((moment + seconds * EARLY) / TICK_SECONDS) * TICK_SECONDS


def shared_heartbeat(head: int) -> Heartbeat:
    """Return the one for this head and tick; all who get it share its encodings."""
    return _make_heartbeat(head, floor(asyncio.get_running_loop().time() / TICK_SECONDS))


@lru_cache(maxsize=KEPT_BEATS)
def _make_heartbeat(head: int, _tick: int) -> Heartbeat:
    return Heartbeat(head, rfc3339(now()))
