"""JSON as the log takes it: RFC 8259, finite numbers, 64-bit integers, nesting to 64."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from core.errors import BadRequest
from jobs.events import clean


def load_json(text: str | bytes) -> Any:
    """Return a text's JSON value, with U+FFFD for NUL and lone surrogates. Raises BadRequest."""
    return clean(_parse_text(text))


def loads_written(text: str) -> Any:
    """Return the JSON value of a text that somebody wrote by hand, with nothing replaced.

    Raises BadRequest also for a name that is there twice, NUL and lone surrogates.
    """
    value = _parse_text(text, object_pairs_hook=_once_each)
    if (cleaned := clean(value)) != value:
        raise BadRequest("Texts cannot have NUL or lone surrogates.")
    return cleaned


def _parse_text(text: str | bytes, **hooks: Any) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_finite, **hooks)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"This is not JSON: {_parse_problem(error)}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise ValueError(f"the name {name!r} is there twice")
        found[name] = value
    return found


def _parse_problem(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply."
        case UnicodeDecodeError():
            return "it is not UTF-8."
        case json.JSONDecodeError():
            return f"{error.msg} at line {error.lineno}, column {error.colno}."
    return f"{error}."
