"""Goes through the events of a log in their order, and says in which ones there are hits."""

from __future__ import annotations

from jobs.events import EventType
from jobs.events.fold import TERMINAL
from streams.search.criteria import Criteria
from streams.search.events import LogEvent, parse_events
from streams.search.lines import LineSearch

# Of all lines that have not ended, the characters held; above that they are taken to have ended.
MOST_HELD = 1024 * 1024
_ENDS_ALL = frozenset({EventType.ATTEMPT_STARTED, *(f"job.{status}" for status in TERMINAL)})
# A step, a target ("" where there is none), and the stream.
_Stream = tuple[str, str, str]


class Scan:
    """One search through contiguous events; each stream of a step on a target has its own lines."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        # None: its lines are not looked at.
        self._streams: dict[_Stream, LineSearch | None] = {}
        self._held = 0
        self._hits: list[int] = []

    def take(self, lines: str) -> list[int]:
        """Take the stored texts of the next events, joined by newlines; return new hits, sorted."""
        for event in parse_events(lines):
            if event.type == EventType.STEP_OUTPUT:
                self._take_output(event)
            else:
                self._end_lines(event)
                if self._criteria.accepts_note(event):
                    self._hits.append(event.seq)
        for stream in self._streams.values():
            self._held += stream.look() if stream else 0
        if self._held > MOST_HELD:
            self._end_all()
        return self._new_hits()

    def finish(self) -> list[int]:
        """Look at the lines that have not ended, as they are now; return new hits, sorted."""
        self._end_all()
        return self._new_hits()

    def _new_hits(self) -> list[int]:
        hits = sorted(set(self._hits))
        self._hits.clear()  # the streams' lines add to this list
        return hits

    def _take_output(self, event: LogEvent) -> None:
        key = event.step, event.target, event.data.stream
        if key not in self._streams:
            self._open(key)
        if (lines := self._streams[key]) is None:
            return
        if self._criteria.text:
            lines.write(event.seq, event.data.text)
        else:
            self._hits.append(event.seq)

    def _open(self, key: _Stream) -> None:
        """Expect the first line of a stream."""
        is_wanted = self._criteria.accepts_output(key[:2], key[2])
        new = LineSearch(self._criteria.text.casefold(), self._hits.append)
        self._streams[key] = new if is_wanted else None

    def _end_lines(self, event: LogEvent) -> None:
        """End the lines that no output can continue after this event."""
        if event.type in _ENDS_ALL:
            self._end_all()
        elif event.type.startswith("step.") and event.type != EventType.STEP_PROGRESSED:
            for stream in ("out", "err"):
                self._end_stream((event.step, event.target, stream))

    def _end_stream(self, key: _Stream) -> None:
        if (lines := self._streams.pop(key, None)) is not None:
            self._held += lines.look() - lines.size
            lines.end()

    def _end_all(self) -> None:
        for key in list(self._streams):
            self._end_stream(key)
