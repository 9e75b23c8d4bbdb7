"""Cursors: the last event that a client has, as `57-5f1c2a9b`, `57`, or `0` for none."""

from __future__ import annotations

import re

from streams.client.errors import BadCursor

START = "0"
_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})(?:-[0-9a-f]{8})?", re.ASCII)


def seq_of(cursor: str) -> int:
    """Return the seq that a cursor stands for; BadCursor for any other text."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursor(f"This is no cursor: {cursor}")
    return int(found[1])


def cursor_of(seq: int, hash: str) -> str:
    """Return an event's cursor: its seq and the first 8 hex digits of its hash."""
    return f"{seq}-{hash[:8]}"
