"""Request bodies: strict JSON, cleaned at the door as events are."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from core.errors import BadRequest
from jobs.events import clean


class StrictParser(Parser):
    """Parses bodies as RFC 8259 has it: no NaN, no infinities, 64-bit integers, nesting to 64.

    NUL and lone surrogates become U+FFFD, as in events. Raises BadRequest.
    """

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the body's JSON value."""
        try:
            value = json.loads(request.body, parse_constant=_refuse_constant, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"The body is not JSON: {_why(error)}") from error
        cleaned: dict[str, Any] = clean(value)
        return cleaned


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _why(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deep."
        case UnicodeDecodeError():
            return "it is not UTF-8."
        case json.JSONDecodeError():
            return f"{error.msg} at line {error.lineno}, column {error.colno}."
    return f"{error}."
