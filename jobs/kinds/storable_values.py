"""Values of parameters that the log cannot keep, though a kind's schema lets them in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from core.json_pointer import escape_part


def find_unfit(params: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a pointer and a sentence for each number that JSON, or the log, does not have.

    pydantic makes such of texts (`"inf"`, `"9223372036854775808"`) unless it is strict.
    """
    return [{"pointer": place, "detail": detail} for place, detail in _unfit_values(params, "")]


def _unfit_values(value: Any, place: str) -> Iterator[tuple[str, str]]:
    match value:
        case float() if not math.isfinite(value):
            yield place, f"Give a finite number, not {value}"
        case int() if not -(2**63) <= value < 2**63:
            yield place, "Integers have at most 64 bits"
        case Mapping():
            for name, each in value.items():
                part = escape_part(name)
                yield from _unfit_values(each, f"{place}/{part}")
        case list() | tuple() | set() | frozenset():
            for number, each in enumerate(value):
                yield from _unfit_values(each, f"{place}/{number}")
