"""Why a connection is over, and what that means for the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from streams.client.frames import Words, error_words


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing will come any more (204), though no `end` was seen."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """A finite answer came to its regular end: go on at once."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Come back with the cursor, after `retry_after_s` at least.

    `from_server`: the server itself said so, so it can be reached over this transport.
    """

    code: str
    message: str
    retry_after_s: float = 0.0
    from_server: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Do not come back."""

    code: str
    message: str


Closed = Ended | Rotated | Lost | Refusal

# Codes after which coming back with the same cursor makes no sense.
FINAL = frozenset(
    {
        "bad_request", "bad_cursor", "not_signed_in", "forbidden", "not_found", "cursor_ahead",
        "history_diverged", "history_expired", "unsupported_protocol", "second_factor_required",
    }
)  # fmt: skip
# Of those, the ones after which the history may be told from its start.
DIVERGED = frozenset({"cursor_ahead", "history_diverged"})

# What a close code means where no `error` frame came before it.
_CLOSE_CODES = {
    4000: "going_down", 4002: "too_slow", 4003: "over_limit", 4500: "bad_request",
    4501: "not_signed_in", 4503: "forbidden", 4504: "not_found", 4509: "cursor_ahead",
    4510: "history_diverged",
}  # fmt: skip
# RFC 6455's code for a message that is larger than somebody on the way takes.
_TOO_BIG = 1009
# HTTP statuses in the 400s after which the same request may well succeed.
_RETRYABLE = frozenset({408, 425, 429})


def reason_for_error(said: Words, *, final: bool | None = None) -> Closed:
    """Return what the server's own words mean."""
    if said.code in FINAL if final is None else final:
        return Refusal(said.code, said.message)
    return Lost(said.code, said.message, said.retry_after_s, from_server=True)


def by_close_code(code: int, reason: str, said: Words | None) -> Closed:
    """Return what a WebSocket's close frame means; `said` is the `error` frame before it."""
    if not 4000 <= code <= 4999:
        if said is not None:
            return reason_for_error(said)
        lost = "message_too_big" if code == _TOO_BIG else "connection_lost"
        return Lost(lost, reason or f"The connection was closed ({code}).")
    name = _CLOSE_CODES.get(code, f"close_{code}")
    return reason_for_error(said or Words(name, reason or name), final=code >= 4500)


def by_response(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Closed:
    """Return what an HTTP answer other than 200 and 204 means.

    Only a problem document with a `code` is the server's word; anything else may come from a proxy,
    which the next transport may pass.
    """
    # A moment is the sender's: its own clock says how far away that is, ours may be hours off.
    wait = retry_after(headers.get("Retry-After"), _parse_moment(headers.get("Date")) or now)
    said = _parse_problem(headers.get("Content-Type", ""), body)
    if said is None:
        return Lost("http_error", f"The answer was HTTP {status}.", wait)
    said = Words(said.code, said.message, max(wait, said.retry_after_s))
    return reason_for_error(said, final=status < 500 and status not in _RETRYABLE)


def retry_after(header: str | None, now: datetime) -> float:
    """Return the seconds that a Retry-After header asks for, 0 if it asks for nothing."""
    if header is None:
        return 0.0
    if header.strip().isdigit():
        return float(header)
    at = _parse_moment(header)
    return max(0.0, (at - now).total_seconds()) if at else 0.0


def _parse_moment(header: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)


def _parse_problem(type: str, body: bytes) -> Words | None:
    if "json" not in type:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return error_words(value) if isinstance(value, dict) else None
