"""How many may follow here: limits a user, a job, a process, and on new followers a second.

They are this process's own: with several behind a balancer, each has them. A limit of 0 is none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from core.config import Config
from core.errors import OverLimit

# How much of the rate may come at once: a page full of people who all reload is no attack.
BURST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that may be open at a time, and the most new ones a second."""

    per_process: int
    per_user: int
    per_job: int
    per_second: float

    @classmethod
    def of(cls, config: Config) -> Limits:
        """Return what an installation sets."""
        return cls(
            per_process=config.max_followers,
            per_user=config.max_followers_per_user,
            per_job=config.max_followers_per_job,
            per_second=config.new_followers_per_second,
        )


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


def too_fast() -> OverLimit:
    """Return the refusal of one who came in a rush: back in a moment, not all in the same."""
    return OverLimit(
        "Too many followers come at once: come back in a moment.",
        retry_after_s=_random_between(1, 3),
    )


def too_many(whose: str) -> OverLimit:
    """Return the refusal of one for whom there is no room until another has left."""
    return OverLimit(
        f"Too many followers {whose}: come back later.", retry_after_s=_random_between(5, 15)
    )


def _random_between(low: float, high: float) -> float:
    return round(random.uniform(low, high), 1)  # noqa: S311 - jitter
