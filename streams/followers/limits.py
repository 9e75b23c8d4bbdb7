"""How many may follow here: limits a user, a job, a process, and on new followers a second.

The settings say how many (`max_followers` and so on); 0 is no limit. They are this process's own:
with several behind a balancer, each has them.
"""

from __future__ import annotations

import random

from core.errors import OverLimit

# How much of the rate may come at once: a page full of people who all reload is no attack.
BURST_SECONDS = 2.0


class Bucket:
    """A token bucket: `rate` tokens a second, and no more than two seconds' worth kept."""

    def __init__(self) -> None:
        self._missing = 0.0
        self._at = 0.0

    def take(self, now: float, rate: float) -> bool:
        """Take a token at the time `now` (seconds, any start); return whether there was one."""
        most = max(rate * BURST_SECONDS, 1.0)
        self._missing = min(max(self._missing - (now - self._at) * rate, 0.0), most)
        self._at = now
        if self._missing + 1 > most:
            return False
        self._missing += 1
        return True


def over_limit(which: str, soonest: float, latest: float) -> OverLimit:
    """Return the refusal of one of too many followers: back then, not all at the same moment."""
    seconds = round(random.uniform(soonest, latest), 1)  # noqa: S311 - jitter
    return OverLimit(f"Too many followers {which}.", retry_after_s=seconds)
