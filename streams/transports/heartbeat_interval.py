"""How often a follower hears from its server in silence: what it asks for, and is granted."""

from __future__ import annotations

from math import ceil

from streams.followers.registry import current_followers
from streams.transports.http import number_in

# What may be asked for, in seconds.
LEAST_SECONDS, MOST_SECONDS = 1.0, 15.0
# How many a second a process means to send, all together: who comes later gets fewer.
BEATS_A_SECOND = 500


def granted_interval(asked: str | None, own: float) -> float:
    """Return how long a silence may be for a follower who asks for `heartbeat_s`, or for nothing.

    `own` is the server's: as often it comes in any case. Raises BadParameter.
    """
    if asked is None:
        return own
    seconds = number_in(asked, "heartbeat_s", own, LEAST_SECONDS, MOST_SECONDS)
    affordable = ceil(10 * len(current_followers()) / BEATS_A_SECOND) / 10
    return min(max(seconds, affordable), own)
