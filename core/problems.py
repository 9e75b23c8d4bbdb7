"""Every error under /api/ as RFC 9457 `application/problem+json`, with the project's `code`.

`explain` says which error an exception is; `response` makes the answer. Django's own failures
(`handler404` and its like, a failed CSRF check) answer a path under /api/ in the same way and any
other path with its page.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import exceptions
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views import defaults
from ninja.errors import HttpError, ValidationError
from psycopg_pool import PoolTimeout

from core.errors import (
    BadRequest,
    EventTooLarge,
    Forbidden,
    InvalidParams,
    NotFound,
    NotSignedIn,
    OverLimit,
    RepriseError,
    Unavailable,
)
from core.records.pointers import join_pointer

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
# The type of a validation error for a value that is well formed but unusable: answered with 422.
UNUSABLE = "unusable"


class MethodNotAllowed(RepriseError):
    """This address takes other methods: `Allow` lists them."""

    code = "method_not_allowed"
    status = 405


class Internal(RepriseError):
    """Something went wrong inside the service; its log has the details."""


def response(error: RepriseError) -> HttpResponse:
    """Return the answer that an error is, with `WWW-Authenticate` or `Retry-After` where due."""
    answer = HttpResponse(
        json.dumps(error.as_problem(), ensure_ascii=False).encode("utf-8", "replace"),
        status=error.status,
        content_type=CONTENT_TYPE,
    )
    answer["Cache-Control"] = "no-store"
    if isinstance(error, NotSignedIn):
        answer["WWW-Authenticate"] = 'Bearer realm="reprise"'
    if error.retry_after_s is not None:
        answer["Retry-After"] = str(math.ceil(error.retry_after_s))
    return answer


def body_too_large() -> EventTooLarge:
    """Return the refusal of a body over `REPRISE_MAX_BODY_BYTES`."""
    longest = settings.REPRISE.max_body_bytes / 1024**2
    return EventTooLarge(f"A request body is at most {longest:g} MiB.")


def explain(exc: BaseException) -> RepriseError:
    """Return which of the documented errors an exception is; Internal if it is not one."""
    match exc:
        case RepriseError():
            return exc
        case HttpError():
            return _of_ninja(exc)
        case ValidationError():
            return _of_validation(exc.errors)
        case Http404():
            return NotFound()
        case exceptions.PermissionDenied():
            return Forbidden()
        case exceptions.RequestDataTooBig():
            return body_too_large()
        case (
            exceptions.SuspiciousOperation()
            | exceptions.BadRequest()
            | MultiPartParserError()
            | UnreadablePostError()
        ):
            return BadRequest()
        case DataError():  # what came in has got as far as the database, which cannot take it
            return BadRequest("A value is too long, out of range, or has a NUL.")
        case OperationalError() | InterfaceError() | PoolTimeout():
            return Unavailable()
    return Internal()


def on_exception(request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
    """Answer an exception of an API call; log it where it is the service's fault."""
    exc = exc() if isinstance(exc, type) else exc
    error = explain(exc)
    if error.status >= 500 or isinstance(exc, DataError):
        logger.error(
            "%s %s: %s", request.method, request.path, error.code,
            exc_info=exc, extra={"action": "api_error"},
        )  # fmt: skip
    return response(error)


def pointers(errors: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Return ninja's validation errors as the API shows them.

    A place in the body is a `pointer` (RFC 6901) into it; a query or path parameter or a header is
    a `parameter`.
    """
    shown = []
    for error in errors:
        # Pydantic says "[key]" where a member's name, not its value, is wrong.
        source, *path = [part for part in error["loc"] if part != "[key]"]
        if source == "body":  # then the name of the view's argument, which no client knows
            place = {"pointer": join_pointer(path[1:])}
        else:
            # The place in a list that is repeated says nothing that has a name.
            names = [part for part in path if isinstance(part, str)]
            place = {"parameter": names[-1] if names else str(source)}
        shown.append({**place, "detail": str(error["msg"])})
    return shown


def is_api(request: HttpRequest) -> bool:
    """Return whether a problem, rather than a page, answers this request."""
    return request.path == "/api" or request.path.startswith("/api/")


def unknown(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer an address under /api/ that there is not."""
    return response(NotFound("Unknown address in the API. /api/docs lists all addresses."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a request that failed Django's CSRF check (the setting CSRF_FAILURE_VIEW)."""
    if is_api(request):
        return response(Forbidden(f"The CSRF check failed: {reason}"))
    # The reason is for a developer; the page says what somebody can do about it.
    sentence = "This form is out of date. Go back, reload the page and try again."
    return defaults.permission_denied(request, exceptions.PermissionDenied(sentence))


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django found malformed before any view saw it."""
    if is_api(request):
        return response(explain(exception))
    return defaults.bad_request(request, exception)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer PermissionDenied."""
    if is_api(request):
        return response(explain(exception))
    return defaults.permission_denied(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that there is not."""
    if is_api(request):
        return unknown(request)
    return defaults.page_not_found(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer after an exception that no view caught (Django has logged it)."""
    if is_api(request):
        return response(Internal())
    error = sys.exc_info()[1]  # Django calls this while it handles the exception
    if isinstance(error, DataError):
        return defaults.bad_request(request, error)
    return defaults.server_error(request)


def _of_validation(errors: Sequence[dict[str, Any]]) -> RepriseError:
    places = pointers(errors)
    if all(error.get("type") == UNUSABLE for error in errors):
        return InvalidParams(places)
    where = places[0].get("pointer") or places[0].get("parameter") or "the body"
    detail = places[0]["detail"].rstrip(".")
    return BadRequest(f"The request does not fit: {where}: {detail}.", errors=places)


def _of_ninja(exc: HttpError) -> RepriseError:
    # Ninja wraps whatever the parser raises in a bare 400; the cause says more.
    if isinstance(exc.__cause__, RepriseError):
        return exc.__cause__
    kinds: dict[int, type[RepriseError]] = {
        401: NotSignedIn, 403: Forbidden, 404: NotFound, 429: OverLimit,
    }  # fmt: skip
    return kinds.get(exc.status_code, BadRequest)()
