"""One root for every error that a client can see, each class with its code, status and close code.

The table is the stream protocol's ("Errors"): `code` is what clients branch on, `status` the HTTP
status, `close_code` the WebSocket close code (4000-4499: come back with the cursor; 4500-4999: do
not). A REST answer is RFC 9457 `application/problem+json`, made by `as_problem`.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, ClassVar

LONGEST_DESCRIPTION = 500
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Return a text as Postgres takes it: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class RepriseError(Exception):
    """Something went wrong inside the service; the message is safe to show."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    close_code: ClassVar[int | None] = None
    retry_after_s: float | None = None

    def __init__(self, message: str | None = None, **extra: Any) -> None:
        self.message = message or (type(self).__doc__ or self.code).strip().splitlines()[0]
        self.extra = extra
        super().__init__(self.message)

    def as_problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem object, with the project's `code` member."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.message,
            **self.extra,
        }


class BadRequest(RepriseError):
    """The request is malformed."""

    code = "bad_request"
    status = 400
    close_code = 4500


class BadParameter(BadRequest):
    """A parameter of the query cannot be used; `errors` names it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail, errors=[{"parameter": name, "detail": detail}])


class BadCursor(RepriseError):
    """The cursor is none: write a sequence number, or `<seq>-<first 8 hex digits of its hash>`."""

    code = "bad_cursor"
    status = 400
    close_code = 4500


class NotSignedIn(RepriseError):
    """Sign in first, or send a valid token."""

    code = "not_signed_in"
    status = 401
    close_code = 4501


class Forbidden(RepriseError):
    """You may see this, but not do that."""

    code = "forbidden"
    status = 403
    close_code = 4503


class SecondFactorRequired(Forbidden):
    """Your role takes a second factor: set one up, or use it, on the page /second-factor."""

    code = "second_factor_required"


class NotFound(RepriseError):
    """There is nothing here that you may see."""

    code = "not_found"
    status = 404
    close_code = 4504


class CursorAhead(RepriseError):
    """The cursor is beyond the head of the log: start again from 0."""

    code = "cursor_ahead"
    status = 409
    close_code = 4509


class HistoryDiverged(RepriseError):
    """The cursor's hash is not the stored one: this is another history; start again from 0."""

    code = "history_diverged"
    status = 409
    close_code = 4510


class HistoryExpired(RepriseError):
    """The events after this cursor are archived and gone."""

    code = "history_expired"
    status = 410
    close_code = 4510


class InvalidParams(RepriseError):
    """Some parameters do not fit; `errors` is a list of `{"pointer", "detail"}` (RFC 6901)."""

    code = "invalid_params"
    status = 422

    def __init__(self, errors: list[dict[str, str]], message: str | None = None) -> None:
        count = "1 parameter does" if len(errors) == 1 else f"{len(errors)} parameters do"
        super().__init__(message or f"{count} not fit.", errors=errors)
        self.errors = errors
        self.named = message is not None  # the message says by itself what does not fit

    def places(self) -> str:
        """Return what does not fit in words, a sentence for each place."""
        return " ".join(
            f"{one.get('pointer')}: {str(one.get('detail')).rstrip('.')}." for one in self.errors
        )


class IdempotencyConflict(RepriseError):
    """This idempotency key was used for another request: make a new key."""

    code = "idempotency_conflict"
    status = 409


class NotNow(RepriseError):
    """The job's state forbids that."""

    code = "not_now"
    status = 409


class EventTooLarge(RepriseError):
    """An event is at most 64 KiB."""

    code = "event_too_large"
    status = 413


class RequestTimedOut(RepriseError):
    """The request did not arrive in time: send it again, faster."""

    code = "request_timeout"
    status = 408


class AddressTooLong(RepriseError):
    """The address is too long."""

    code = "address_too_long"
    status = 414


class HeadTooLarge(RepriseError):
    """The request has too many headers or cookies: at most 100, and 16 KiB in all."""

    code = "head_too_large"
    status = 431


class RetryLater(RepriseError):
    """Base of the refusals that say when to come back (`retry_after_s`, seconds)."""

    def __init__(self, message: str | None = None, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class OverLimit(RetryLater):
    """Too many at once: come back a little later."""

    code = "over_limit"
    status = 429
    close_code = 4003


class GoingDown(RetryLater):
    """This process is shutting down: come back with the cursor."""

    code = "going_down"
    status = 503
    close_code = 4000


class Unavailable(RetryLater):
    """The database does not answer: try again in a moment."""

    code = "unavailable"
    status = 503
    close_code = 4000


class TooSlow(RepriseError):
    """The connection took nothing for 30 s: come back with the cursor."""

    code = "too_slow"
    status = 503
    close_code = 4002
