"""Contiguous events of one job in memory: a page of its history, or the ring of its newest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from jobs.log import Page
from streams.wire import Events, chained, hash_of, size, sizes

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


class Stretch(Protocol):
    """The events after seq `after`, to seq `last`; `last` is `after` where there is none."""

    @property
    def after(self) -> int: ...

    @property
    def last(self) -> int: ...

    @property
    def bytes(self) -> int: ...

    def batch(self, seq: int) -> Events:
        """Return what comes after `seq` and fits one frame: `after <= seq < last`."""


class PageOf:
    """A page of a job's history, which does not change, cut into frames where it has its newlines.

    Whoever goes through it from its start gets the same batches, which keep their encodings. Those
    who begin in the middle stand each somewhere else, but for crowds that come back to one place.
    """

    def __init__(self, page: Page, bounds: Bounds = BOUNDS) -> None:
        self.after, self.last = page.after, page.last
        self._lines = page.lines
        self._bounds = bounds
        self._row: dict[int, Events] = {}
        self._row_ends, self._row_place = page.after, 0
        self._odd: Events | None = None

    @property
    def bytes(self) -> int:
        """The size of all texts, and of the newlines between them, in UTF-8."""
        return size(self._lines)

    def batch(self, seq: int) -> Events:
        """Return what comes after `seq` and fits one frame: `after <= seq < last`."""
        if found := self._row.get(seq):
            return found
        if self._odd is not None and self._odd.after == seq:
            return self._odd
        if seq == self._row_ends:
            made = self._row[seq] = self._cut(seq, self._row_place)
            self._row_ends, self._row_place = made.last, self._row_place + len(made.lines) + 1
        else:
            made = self._odd = self._cut(seq, self._skip(0, seq - self.after))
        return made

    def _cut(self, seq: int, start: int) -> Events:
        """Return the frame after `seq`, whose text begins at this place."""
        end = self._fits(start)
        events = self._lines.count("\n", start, end) + 1
        if events > (most := self._bounds.frame_events):
            events, end = most, self._skip(start, most) - 1
        return Events(seq, seq + events, self._lines[start:end])

    def _fits(self, start: int) -> int:
        """Return where the last event ends that a frame has room for, with a comma after each."""
        lines, room = self._lines, self._bounds.frame_bytes
        if not lines.isascii():
            filling = f"{lines[start : start + room]}\n".encode()[:room]
            room = len(filling.decode(errors="ignore"))  # from bytes to characters
        if len(lines) < start + room:
            return len(lines)
        end = lines.rfind("\n", start, start + room)
        if end < 0:  # the first one is larger than a frame
            end = lines.find("\n", start)
        return end if end >= 0 else len(lines)

    def _skip(self, start: int, events: int) -> int:
        """Return the place after so many events more; one past the end after the last."""
        for _ in range(events):
            start = (self._lines.find("\n", start) + 1) or len(self._lines) + 1
        return start


class Ring:
    """A job's newest events, as they come; the oldest leave where it grows past its bounds.

    `before` is the hash of the event at `after`, empty if it is not known.
    """

    def __init__(self, after: int, bounds: Bounds = BOUNDS, before: str = "") -> None:
        self.after = after
        self._before = before
        self._bounds = bounds
        self._texts: list[str] = []
        self._bytes = 0
        self._batches: dict[int, Events] = {}

    @property
    def last(self) -> int:
        """The seq of the newest event here; `after` where there is none."""
        return self.after + len(self._texts)

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
            found = self._batches[seq] = Events.of(seq, self._cut(seq - self.after))
        return found

    def _cut(self, start: int) -> list[str]:
        texts = self._texts[start : start + self._bounds.frame_events]
        ends = list(accumulate(length + 1 for length in sizes(texts)))  # with their commas
        return texts[: max(bisect_right(ends, self._bounds.frame_bytes), 1)]

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
        if leave:
            self._before = hash_of(self._texts[leave - 1])
        del self._texts[:leave]
        self.after += leave
        self._bytes -= free

    def hash_at(self, seq: int) -> str:
        """Return the hash of the event at `seq`, empty if it is not known here."""
        if self.after < seq <= self.last:
            return hash_of(self._texts[seq - self.after - 1])
        return self._before if seq == self.after else ""

    def agrees(self, after: int, texts: Sequence[str]) -> bool:
        """Return whether the events after seq `after` can be of the history that is here.

        They are compared where they overlap with it, or else where they follow it.
        """
        if after == self.last and texts:
            before = self.hash_at(after)
            return not before or chained(before, texts[0])
        seam = min(self.last, after + len(texts))
        known = self.hash_at(seam) if seam > after else ""
        return not known or known == hash_of(texts[seam - after - 1])
