"""JSON pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterable


def join_pointer(parts: Iterable[object]) -> str:
    """Return the pointer of these names and indexes: `/targets/0`, "" for none."""
    return "".join(f"/{escape_part(part)}" for part in parts)


def escape_part(part: object) -> str:
    """Return a name or an index as a part of a pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")
