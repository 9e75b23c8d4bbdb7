"""How long events took from their append to the followers, in windows of time. Pure.

An event belongs to the window in which it was appended, whenever it arrives: an outage is seen in
those that were written during it, also where they arrive long after.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

#: An event that takes longer than this shows that something is not well yet.
LATE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Of so many deliveries: the median, the 99th percentile and the longest, in seconds."""

    deliveries: int
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, lags: Sequence[float]) -> Lag:
        """Return the figures of these; zeros of none."""
        if not lags:
            return cls(0, 0.0, 0.0, 0.0)
        ranked = sorted(lags)
        return cls(len(ranked), _rank(ranked, 0.5), _rank(ranked, 0.99), ranked[-1])


@dataclass(slots=True)
class Window:
    """From a moment (Unix time) to another, and all lags of what was appended in between."""

    begins: float
    ends: float
    lags: array[float] = field(default_factory=lambda: array("d"))
    #: When the last event came that was late (see `LATE_SECONDS`); 0: none was.
    last_late: float = 0.0
    #: When each follower had had its first event of the window; 0: none has.
    all_served: float = 0.0

    def note(self, appended: float, came: float) -> None:
        """Note a delivery."""
        lag = came - appended
        self.lags.append(lag)
        if lag > LATE_SECONDS:
            self.last_late = max(self.last_late, came)

    @property
    def lag(self) -> Lag:
        """The figures."""
        return Lag.of(self.lags)


class Windows:
    """Windows that begin one after the other, and beside them every second."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = sorted(windows, key=lambda window: window.begins)
        self._begins = [window.begins for window in self._windows]
        self._seconds: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))

    def take(self, log: Sequence[float], seqs: Sequence[int], times: Sequence[float]) -> None:
        """Take what one follower was given: `log` has the times at which 1, 2, … were appended."""
        before: Window | None = None
        for seq, came in zip(seqs, times, strict=True):
            if not 0 < seq <= len(log):
                continue
            appended = log[seq - 1]
            self._seconds[int(appended)].append(came - appended)
            at = bisect_right(self._begins, appended)
            window = self._windows[at - 1] if at else None
            if window is not None and appended < window.ends:
                window.note(appended, came)
                if window is not before:
                    before, window.all_served = window, max(window.all_served, came)

    def by_second(self) -> list[tuple[int, Lag]]:
        """Return the figures of every second in which something was appended."""
        return [(second, Lag.of(lags)) for second, lags in sorted(self._seconds.items())]


def _rank(ranked: Sequence[float], share: float) -> float:
    return ranked[max(0, ceil(share * len(ranked)) - 1)]
