"""Query parameters."""

from __future__ import annotations

from collections.abc import Iterable


def split_list(values: Iterable[str]) -> list[str]:
    """Return what a parameter lists: repeated, or separated by commas; blanks do not count."""
    return [word for value in values for part in value.split(",") if (word := part.strip())]
