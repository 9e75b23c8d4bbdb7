"""JSON as one line of text. Pure."""

from __future__ import annotations

import json
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BREAKS = (("\x85", r"\u0085"), ("\u2028", r"\u2028"), ("\u2029", r"\u2029"))


def one_line(text: str) -> str:
    """Return JSON text as one line for every reader: with no break that `str.splitlines` knows.

    A JSON encoder escapes control characters, these three it leaves as they are; they stand in
    strings only, where the escape means the same.
    """
    if text.isascii():
        return text
    for character, escaped in _BREAKS:
        text = text.replace(character, escaped)
    return text


def encode_line(value: Any) -> str:
    """Return a JSON value as the log writes it: no spaces, one line, members in their order.

    ValueError and TypeError for what JSON cannot carry.
    """
    return one_line(_ENCODER.encode(value))
