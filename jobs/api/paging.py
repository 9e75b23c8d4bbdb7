"""How much of a list one answer has: so many items, and so many bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jobs.log.types import ANSWER_BYTES

T = TypeVar("T")
MAX_LIMIT = 200


def json_bytes(value: Any) -> int:
    """Return how many bytes a value has as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def fit_page(
    items: Sequence[T], limit: int, size_of: Callable[[T], int] = json_bytes
) -> tuple[Sequence[T], bool]:
    """Return the first items that fit an answer, and whether there are more; at least one.

    There are up to `limit`, and the one that brings them to ANSWER_BYTES is the last.
    """
    total = 0
    for count, item in enumerate(items[:limit], 1):
        total += size_of(item)
        if total >= ANSWER_BYTES:
            return items[:count], count < len(items)
    return items[:limit], limit < len(items)
