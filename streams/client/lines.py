"""Events of many lines at once, as a log is stored: an event's JSON on each."""

from __future__ import annotations

import msgspec
from msgspec.structs import force_setattr

from streams.client.errors import BadFrame
from streams.client.frames import Event, parse_event

_DECODER = msgspec.json.Decoder(Event)


def parse_lines(text: bytes) -> list[Event]:
    """Return the events that these lines are, each ended by a newline; BadFrame for other text."""
    lines = text.split(b"\n")
    lines.pop()
    try:
        events = _DECODER.decode_lines(text)
    except msgspec.MsgspecError:
        return [parse_event(_line_text(line)) for line in lines]  # json takes a little more
    if len(events) != len(lines):
        raise BadFrame("Not an event on each line.")
    for event, line in zip(events, lines, strict=True):
        force_setattr(event, "raw", line)  # nobody else has it yet
    return events


def _line_text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadFrame("A line that is not UTF-8.") from None
