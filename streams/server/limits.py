"""What a request may be: how long its head and its body, and how slowly it may come.

Both servers refuse what is beyond that before an application sees it, and answer before they have
read it.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from time import monotonic

from django.conf import settings

from core.errors import AddressTooLong, BadRequest, HeadTooLarge, RepriseError
from core.problems import CONTENT_TYPE, body_too_large

HEAD_BYTES = 16 * 1024
HEADERS = 100
MESSAGE_BYTES = 1024 * 1024  # of a WebSocket
MOST_DIGITS = 18  # of a length; for thousands of them `int` raises
# A request has so long, and more by its size: what drips does not hold a connection for ever.
REQUEST_SECONDS = 20.0
LEAST_BYTES_A_SECOND = 1000
# What Django's middleware says of every other answer: it is data, and nothing of it is to run.
RULES = (
    "Content-Security-Policy: default-src 'none'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
)


class Arrival:
    """One request on its way in."""

    __slots__ = ("_began", "received")

    def __init__(self) -> None:
        self._began = monotonic()
        self.received = 0

    def seconds_left(self) -> float:
        """Return how long what is missing may take; less than 0 when it is too late."""
        allowed = REQUEST_SECONDS + self.received / LEAST_BYTES_A_SECOND
        return self._began + allowed - monotonic()


def body_bytes() -> int:
    """Return how long a request's body may be."""
    longest: int = settings.REPRISE.max_body_bytes
    return longest


def head_error(address: int, headers: int, count: int) -> RepriseError | None:
    """Return why a head is refused: the bytes of its first line and headers, and their number."""
    if address > HEAD_BYTES:
        return AddressTooLong()
    if address + headers > HEAD_BYTES or count > HEADERS:
        return HeadTooLarge()
    return None


def length_error(length: bytes) -> RepriseError | None:
    """Return why a body of this Content-Length is refused."""
    if len(length) > MOST_DIGITS:
        return BadRequest("The Content-Length is not a size.")
    if length.isdigit() and int(length) > body_bytes():
        return body_too_large()
    return None


def refusal_response(error: RepriseError) -> bytes:
    """Return a refusal as a whole HTTP answer, after which the connection ends."""
    body = json.dumps(error.as_problem()).encode()
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"{RULES}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
