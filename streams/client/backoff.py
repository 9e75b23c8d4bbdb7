"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Callable

BASE_S, CAP_S = 0.5, 15.0


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
