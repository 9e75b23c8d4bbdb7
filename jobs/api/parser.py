"""Request bodies: strict JSON, cleaned at the door as events are."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from jobs.events import strict_json


class StrictParser(Parser):
    """Parses bodies as RFC 8259 has it: no NaN, no infinities, 64-bit integers, nesting to 64.

    NUL and lone surrogates become U+FFFD, as in events. Raises BadRequest.
    """

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the body's JSON value."""
        value: dict[str, Any] = strict_json.load_json(request.body)
        return value
