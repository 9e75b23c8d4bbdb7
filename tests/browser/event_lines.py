"""Returns the line that the pages must show for an event."""

from __future__ import annotations

from typing import NamedTuple

from frontend.words import who, words
from jobs.events import parse

_DAY = len("2026-11-22 ")


class Line(NamedTuple):
    """The cells of an event's line; `at` is a time of day in UTC, to the millisecond."""

    at: str
    seq: str
    what: str
    target: str
    who: str


def expected(text: bytes) -> Line:
    """Return the line that the stored text of an event is to be."""
    event = parse(text.decode())
    at = event.at[_DAY : _DAY + len("14:02:11.118")]
    return Line(at, str(event.seq), words(event).strip(), event.target or "", who(event.actor))
