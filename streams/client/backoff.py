"""How long a follower tries, and how long it waits before the next try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BASE_S, CAP_S = 0.5, 15.0
FIRST_FRAME_S = 4.0
# The most that a connection may take to its first frame, however slow the line.
FIRST_FRAME_MOST_S = 30.0


class Backoff:
    """Exponential with full jitter: anything between 0 and a ceiling that doubles up to `cap_s`.

    So followers that were cut off together do not come back together (Marc Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015). `random` gives uniform numbers in [0, 1).
    """

    def __init__(self, random: Callable[[], float], cap_s: float = CAP_S) -> None:
        #: The first ceiling in seconds; a server's `retry:` sets it.
        self.base_s = BASE_S
        self._random, self._cap_s = random, cap_s
        #: How many tries failed in a row.
        self.tries = 0

    def next(self) -> float:
        """Count one more failed try; return the seconds to wait before the next."""
        ceiling = min(self._cap_s, self.base_s * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return self._random() * ceiling

    def reset(self) -> None:
        """Start over: the last connection did its work."""
        self.tries = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try, in seconds: for a first frame; for the first connection; in an outage.

    `wait_s` is the most that a wait before a try may be, where the server does not ask for more.
    """

    first_frame_s: float = FIRST_FRAME_S
    reach_s: float | None = None
    give_up_s: float | None = None
    wait_s: float = CAP_S

    def first_frame_after(self, rounds: int) -> float:
        """Return how long a first frame may take after so many rounds of all transports."""
        patience = self.first_frame_s * 2.0 ** min(rounds, 10)
        return min(max(FIRST_FRAME_MOST_S, self.first_frame_s), patience)
