"""Contiguous events of one job in memory: a page of its history, or the ring of its newest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from streams.wire import Events, size, sizes

# Followers of what is new stand at few places at once; each kept batch may hold its encodings.
KEPT_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept in memory: of one frame, a job's ring, a page, and all pages together."""

    frame_events: int = 1000
    frame_bytes: int = 256 * 1024
    ring_events: int = 4096
    ring_bytes: int = 2 * 1024 * 1024
    page_events: int = 1000
    pages_bytes: int = 64 * 1024 * 1024


BOUNDS = Bounds()


class Stretch:
    """The events after seq `after`, to seq `last`."""

    def __init__(self, after: int, texts: Sequence[str] = (), bounds: Bounds = BOUNDS) -> None:
        self.after = after
        self._bounds = bounds
        self._texts = list(texts)

    @property
    def last(self) -> int:
        """The seq of the newest event here; `after` where there is none."""
        return self.after + len(self._texts)

    @property
    def bytes(self) -> int:
        """The size of all texts in UTF-8."""
        return sum(sizes(self._texts))

    def batch(self, seq: int) -> Events:
        """Return what comes after `seq` and fits one frame: `after <= seq < last`."""
        return Events(seq, self._cut(seq - self.after))

    def _cut(self, start: int) -> list[str]:
        texts = self._texts[start : start + self._bounds.frame_events]
        ends = list(accumulate(length + 1 for length in sizes(texts)))  # with their commas
        return texts[: max(bisect_right(ends, self._bounds.frame_bytes), 1)]


class PageOf(Stretch):
    """A page of a job's history, which does not change.

    Whoever goes through it from its start gets the same batches, which keep their encodings. Those
    who begin in the middle stand each somewhere else, but for crowds that come back to one place.
    """

    def __init__(self, after: int, texts: Sequence[str], bounds: Bounds = BOUNDS) -> None:
        super().__init__(after, texts, bounds)
        self._row: dict[int, Events] = {}
        self._row_ends = after
        self._odd: Events | None = None

    def batch(self, seq: int) -> Events:
        """Return what comes after `seq` and fits one frame: `after <= seq < last`."""
        if found := self._row.get(seq):
            return found
        if self._odd is not None and self._odd.after == seq:
            return self._odd
        made = super().batch(seq)
        if seq == self._row_ends:
            self._row[seq], self._row_ends = made, made.last
        else:
            self._odd = made
        return made


class Ring(Stretch):
    """A job's newest events, as they come; the oldest leave where it grows past its bounds."""

    def __init__(self, after: int, bounds: Bounds = BOUNDS) -> None:
        super().__init__(after, (), bounds)
        self._bytes = 0
        self._batches: dict[int, Events] = {}

    @property
    def bytes(self) -> int:
        """The size of all texts in UTF-8."""
        return self._bytes

    def batch(self, seq: int) -> Events:
        """Return what comes after `seq` and fits one frame: `after <= seq < last`.

        Everybody at the same place gets the same object, and so shares its encodings.
        """
        found = self._batches.get(seq)
        if found is None:
            if len(self._batches) >= KEPT_BATCHES:
                del self._batches[next(iter(self._batches))]
            found = self._batches[seq] = super().batch(seq)
        return found

    def extend(self, after: int, texts: Sequence[str]) -> bool:
        """Add the events after seq `after`; return whether any of them was new.

        What is here already is passed over. Raises ValueError where they would leave a gap.
        """
        known = self.last - after
        if known < 0:
            raise ValueError(f"the ring ends at {self.last}, these events start after {after}")
        new = texts[known:]
        if not new:
            return False
        self._texts.extend(new)
        self._bytes += sum(sizes(new))
        self._batches.clear()
        self._trim()
        return True

    def _trim(self) -> None:
        events, most = self._bounds.ring_events, self._bounds.ring_bytes
        if len(self._texts) <= events and self._bytes <= most:
            return
        # A quarter more than need be, so that a full ring is not shifted at every event.
        leave, free = max(0, len(self._texts) - events * 3 // 4), 0
        for text in self._texts[:leave]:
            free += size(text)
        while self._bytes - free > most * 3 // 4 and leave < len(self._texts) - 1:
            free += size(self._texts[leave])
            leave += 1
        del self._texts[:leave]
        self.after += leave
        self._bytes -= free
