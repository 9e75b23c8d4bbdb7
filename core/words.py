"""Words that depend on a number."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 server`, `1,204 servers`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
