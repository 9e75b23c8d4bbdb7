"""How often a follower hears from its server in silence."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from math import ceil, floor

from core.clock import now, rfc3339
from streams.followers.registry import here
from streams.transports.http import number_in
from streams.wire import Heartbeat

# What may be asked for, in seconds.
LEAST_SECONDS, MOST_SECONDS = 1.0, 15.0
# How many a second a process means to send, all together: who comes later gets fewer.
BEATS_A_SECOND = 500
# The protocol promises one at least every so often, so it comes a little sooner.
EARLY = 0.9
# Those that are due at about the same time are sent in one go, and are the same one.
TICK_SECONDS = 0.1
KEPT_BEATS = 64


def granted(asked: str | None, own: float) -> float:
    """Return how long a silence may be for a follower who asks for `heartbeat_s`, or for nothing.

    `own` is the server's: as often it comes in any case. Raises BadParameter.
    """
    if asked is None:
        return own
    seconds = number_in(asked, "heartbeat_s", own, LEAST_SECONDS, MOST_SECONDS)
    affordable = ceil(10 * len(here()) / BEATS_A_SECOND) / 10
    return min(max(seconds, affordable), own)


def next_beat(moment: float, seconds: float) -> float:
    """Return when the next one is due where something was sent at this moment of the loop."""
    return floor((moment + seconds * EARLY) / TICK_SECONDS) * TICK_SECONDS


def heartbeat(head: int) -> Heartbeat:
    """Return the one for this head and tick; all who get it share its encodings."""
    return _heartbeat(head, floor(asyncio.get_running_loop().time() / TICK_SECONDS))


@lru_cache(maxsize=KEPT_BEATS)
def _heartbeat(head: int, _tick: int) -> Heartbeat:
    return Heartbeat(head, rfc3339(now()))
