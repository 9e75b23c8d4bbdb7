"""Job ids: UUIDv7, so that they sort by time and events partition by month of the id.

`parse_id` reads one, wherever it comes from outside.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_ID = re.compile(
    "[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562, section 5.7), strictly ascending within this process.

    48 bits of Unix milliseconds, then 12 bits that hold the sub-millisecond fraction (method 3
    of section 6.2), then 62 random bits.
    """
    global _last
    now = time.time_ns() * 4096 // 1_000_000  # milliseconds with a 12-bit fraction
    with _lock:
        now = _last = max(now, _last + 1)
    value = (now >> 12) << 80 | 0x7 << 76 | (now & 0xFFF) << 64 | 0b10 << 62
    return UUID(int=value | secrets.randbits(62))


def uuid7_floor(moment: datetime) -> UUID:
    """Return the smallest UUID that a UUIDv7 made at or after `moment` (aware) can have."""
    milliseconds = int(moment.astimezone(UTC).timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def uuid7_time(value: UUID) -> datetime:
    """Return the moment (UTC, milliseconds) that a UUIDv7 carries."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def parse_id(text: str) -> UUID:
    """Return the id that a text is: 32 hex digits of either case, with its four dashes or without.

    ValueError for any other text; `UUID` takes braces, `urn:` and dashes anywhere besides. Every
    place that takes an id from outside takes it by this rule.
    """
    if not _ID.fullmatch(text):
        raise ValueError("An id has 32 hex digits, with dashes (8-4-4-4-12) or without.")
    return UUID(text)
