"""Time as the wire writes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_WRITTEN = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(?P<offset>Z|[+ -]\d\d:?\d\d)?)?",
    re.ASCII,
)


class OutOfRange(ValueError):
    """The moment is not within the years 1 to 9999 in UTC."""


def now() -> datetime:
    """Return this process's wall clock in UTC. Events take the database's clock instead."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC with microseconds (`…T09:00:00.123456Z`)."""
    # `strftime` writes the year 999 with three digits.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Return the aware moment that an RFC 3339 text names; ValueError if it names none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_moment(text: str, *, needs_offset: bool = False) -> datetime:
    """Return the moment, in UTC, that somebody has written.

    As RFC 3339 has it, or a date alone, which is its midnight; UTC without an offset, unless one is
    needed. The `+` of an offset may be a space: that is what a query makes of one that is not
    escaped. Raises OutOfRange if the moment in UTC has no year of four digits, and ValueError
    for any other text: a number, a week date, 24:00, a leap second.
    """
    text = text.strip().upper()
    written = _WRITTEN.fullmatch(text)
    if written is None or (needs_offset and not written["offset"]):
        raise ValueError(f"{text!r} is no moment.")
    if (written["offset"] or "").startswith(" "):
        text = "+".join(text.rsplit(" ", 1))
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise OutOfRange(f"In UTC, {text} is not within the years 1 to 9999.") from None
