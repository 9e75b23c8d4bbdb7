"""Contiguous events of one job in memory: a page of its history, or the ring of its newest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from jobs.log import Page
from streams.wire import Events, hash_of, is_chained, utf8_size, utf8_sizes

# Followers of what is new stand at few places at once; each kept batch may hold its encodings.
KEPT_BATCHES = 8
# Of a page, frames of all sizes are kept up to this many times its own size.
KEPT_TIMES = 2


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept in memory: of one frame, a job's ring, a page, and all pages together.

    `block_bytes` is what the first frame of a connection has (`streams.hub.pacing`).
    """

    frame_events: int = 1000
    frame_bytes: int = 128 * 1024
    block_bytes: int = 8 * 1024
    ring_events: int = 4096
    ring_bytes: int = 2 * 1024 * 1024
    page_events: int = 1000
    pages_bytes: int = 64 * 1024 * 1024


BOUNDS = Bounds()


class PageBatches:
    """A page of a job's history, which does not change, cut into frames where it has its newlines.

    It is divided into blocks of about 8 KiB. A frame is one block, or 2, 4, 8, 16 of them from a
    multiple of that number on. So followers share frames, whatever the size of theirs and wherever
    they began: one who begins within a block gets the rest of it, and then stands where others do.
    """

    def __init__(self, page: Page, bounds: Bounds = BOUNDS) -> None:
        self.after, self.last = page.after, page.last
        self._lines = page.lines
        self._bounds = bounds
        self._block_bytes = min(bounds.block_bytes, bounds.frame_bytes)
        # Where each block begins, and the last one ends: its seq, its place in the text, and the
        # bytes before it, with a newline or a comma after each event.
        self._seqs, self._places, self._offsets = [page.after], [0], [0]
        while self._seqs[-1] < page.last:
            self._add_block()
        self._frames: dict[tuple[int, int], Events] = {}
        self._kept = 0  # bytes of these frames
        self._odd: Events | None = None

    @property
    def bytes(self) -> int:
        """The size of all texts, and of the newlines between them, in UTF-8."""
        return max(self._offsets[-1] - 1, 0)

    def batch(self, seq: int, room: int | None = None) -> Events:
        """Return what comes after `seq` and fits one frame, and about `room` bytes where given.

        At least one event: `after <= seq < last`.
        """
        first = bisect_right(self._seqs, seq) - 1
        if self._seqs[first] != seq:
            return self._block_rest(first, seq)
        most = self._bounds.frame_bytes
        end = self._frame_end(first, most if room is None else min(room, most))
        found = self._frames.get((first, end))
        if found is None:
            found = self._cut_events(seq, self._places[first], end)
            self._keep_frame(first, end, found)
        return found

    def _keep_frame(self, first: int, end: int, frame: Events) -> None:
        length = self._offsets[end] - self._offsets[first]
        if self._kept + length > KEPT_TIMES * self.bytes:
            self._frames.clear()
            self._kept = 0
        self._frames[first, end] = frame
        self._kept += length

    def _add_block(self) -> None:
        seq, start = self._seqs[-1], self._places[-1]
        end = self._block_end(start)
        events = self._lines.count("\n", start, end) + 1
        if events > (most := self._bounds.frame_events):
            events, end = most, self._skip_events(start, most) - 1
        self._seqs.append(seq + events)
        self._places.append(end + 1)
        self._offsets.append(self._offsets[-1] + utf8_size(self._lines[start:end]) + 1)

    def _frame_end(self, first: int, room: int) -> int:
        """Return before which block a frame ends that begins with this one."""
        count = max(room // self._block_bytes, 1)
        if first:
            count = min(count, first & -first)
        while True:
            end = min(first + count, len(self._seqs) - 1)
            length = self._offsets[end] - self._offsets[first]
            events = self._seqs[end] - self._seqs[first]
            fits = length <= room and events <= self._bounds.frame_events
            if count == 1 or fits:
                return end
            count //= 2

    def _block_rest(self, block: int, seq: int) -> Events:
        """Return what comes after `seq` in its block; the last made is kept, for crowds there."""
        if self._odd is None or self._odd.after != seq:
            start = self._skip_events(self._places[block], seq - self._seqs[block])
            self._odd = self._cut_events(seq, start, block + 1)
        return self._odd

    def _cut_events(self, seq: int, start: int, end: int) -> Events:
        return Events(seq, self._seqs[end], self._lines[start : self._places[end] - 1])

    def _block_end(self, start: int) -> int:
        """Return where the last event ends that a block has room for, with a comma after each."""
        lines, room = self._lines, self._block_bytes
        if not lines.isascii():
            filling = f"{lines[start : start + room]}\n".encode()[:room]
            room = len(filling.decode(errors="ignore"))  # from bytes to characters
        if len(lines) < start + room:
            return len(lines)
        end = lines.rfind("\n", start, start + room)
        if end < 0:  # the first one is larger than a block
            end = lines.find("\n", start)
        return end if end >= 0 else len(lines)

    def _skip_events(self, start: int, events: int) -> int:
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
        self._batches: dict[tuple[int, int | None], Events] = {}

    @property
    def last(self) -> int:
        """The seq of the newest event here; `after` if there is none."""
        return self.after + len(self._texts)

    @property
    def bytes(self) -> int:
        """The size of all texts in UTF-8."""
        return self._bytes

    def batch(self, seq: int, room: int | None = None) -> Events:
        """Return what comes after `seq` and fits one frame, and about `room` bytes where given.

        Everybody at the same place with room for it gets the same object, and so shares its
        encodings.
        """
        found = self._batches.get((seq, None)) or self._keep_frame(
            seq, None, self._bounds.frame_bytes
        )
        if room is None or utf8_size(found.lines) < room:
            return found
        return self._batches.get((seq, room)) or self._keep_frame(seq, room, room)

    def _keep_frame(self, seq: int, key: int | None, room: int) -> Events:
        if len(self._batches) >= KEPT_BATCHES:
            del self._batches[next(iter(self._batches))]
        found = Events.of(
            seq, self._cut_events(seq - self.after, min(room, self._bounds.frame_bytes))
        )
        self._batches[seq, key] = found
        return found

    def _cut_events(self, start: int, room: int) -> list[str]:
        texts = self._texts[start : start + self._bounds.frame_events]
        ends = list(accumulate(length + 1 for length in utf8_sizes(texts)))  # with their commas
        return texts[: max(bisect_right(ends, room), 1)]

    def extend(self, after: int, texts: Sequence[str]) -> bool:
        """Add the events after seq `after`; return whether any of them was new.

        What is here already is passed over. Raises ValueError if they would leave a gap.
        """
        known = self.last - after
        if known < 0:
            raise ValueError(f"the ring ends at {self.last}, these events start after {after}")
        new = texts[known:]
        if not new:
            return False
        self._texts.extend(new)
        self._bytes += sum(utf8_sizes(new))
        self._batches.clear()
        self._trim_events()
        return True

    def _trim_events(self) -> None:
        events, most = self._bounds.ring_events, self._bounds.ring_bytes
        if len(self._texts) <= events and self._bytes <= most:
            return
        # A quarter more than need be, so that a full ring is not shifted at every event.
        leave, free = max(0, len(self._texts) - events * 3 // 4), 0
        for text in self._texts[:leave]:
            free += utf8_size(text)
        while self._bytes - free > most * 3 // 4 and leave < len(self._texts) - 1:
            free += utf8_size(self._texts[leave])
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
            return not before or is_chained(before, texts[0])
        seam = min(self.last, after + len(texts))
        known = self.hash_at(seam) if seam > after else ""
        return not known or known == hash_of(texts[seam - after - 1])
