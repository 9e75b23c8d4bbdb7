"""An event some of whose values are left out, as a record shows it. Pure.

Its text has two members more, before `hash`, which stays the one of the event that was appended:
`redacted`, a commitment for each pointer to a value that was left out, and `check`, the SHA-256 of
the text without `check`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.records.texts import encode_line

_TAIL = re.compile(r',"check":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}\Z')


@dataclass(frozen=True, slots=True)
class RedactedEvent:
    """The hash of the event that was appended, and by pointer the commitments to its values."""

    hash: str
    values: Mapping[str, str]


def redacted_text(members: Mapping[str, object], values: Mapping[str, str], hash: str) -> str:
    """Return the text of an event that shows `members` and leaves out `values` (commitments)."""
    shown = encode_line({**members, "redacted": values})
    return f'{shown[:-1]},"check":"{_check_of(shown, hash)}","hash":"{hash}"}}'


def parse_redacted(seq: int, text: str) -> RedactedEvent | None:
    """Return what `redacted_text` made this of; None for all else, and if it was changed."""
    match = _TAIL.search(text)
    if match is None or not text.startswith(f'{{"seq":{seq},'):
        return None
    shown = text[: match.start()] + "}"
    if _check_of(shown, match[2]) != match[1]:
        return None
    try:
        values = json.loads(shown)["redacted"]
    except (ValueError, LookupError, RecursionError):
        return None
    return RedactedEvent(match[2], values) if isinstance(values, dict) else None


def _check_of(shown: str, hash: str) -> str:
    return hashlib.sha256(f'{shown[:-1]},"hash":"{hash}"}}'.encode()).hexdigest()
