"""Words that are counted, or listed."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 server`, `1,204 servers`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def split_list(values: Iterable[str]) -> list[str]:
    """Return what a parameter lists: repeated, or separated by commas; blanks do not count."""
    return [word for value in values for part in value.split(",") if (word := part.strip())]
