"""How an API call proves who sends it: a bearer token, or the session with its CSRF token."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from ninja.security import APIKeyCookie, HttpBearer

from core.errors import Forbidden, NotSignedIn
from core.proxies import client_address
from jobs.access import rate_limits, visibility
from jobs.access.visibility import Principal


class BearerToken(HttpBearer):
    """`Authorization: Bearer <token>`; no CSRF check, since no browser sends it by itself."""

    def __call__(self, request: HttpRequest) -> Principal | None:
        """Return the token's principal; None, so that the session is tried, without a header."""
        return None if visibility.bearer_token(request) is None else _authenticate(request)

    def authenticate(self, request: HttpRequest, token: str) -> Principal | None:
        """Return the token's principal (ninja's interface)."""
        return _authenticate(request)


class SessionCookie(APIKeyCookie):
    """The session cookie; a method that changes something takes `X-CSRFToken` as well."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Principal | None:
        """Return the session's principal. Raises NotSignedIn, then Forbidden (CSRF)."""
        principal = _authenticate(request)
        # Read here: the CSRF check parses a multipart form from the stream, and then the body is
        # gone. Past the limit this raises RequestDataTooBig, which `problems` answers with 413.
        request.body  # noqa: B018
        reason = _CsrfCheck(_no_view).check(request)
        if reason is not None:
            raise Forbidden(f"The CSRF check failed: {reason}")
        return principal

    def authenticate(self, request: HttpRequest, key: str | None) -> Principal | None:
        """Return the session's principal (ninja's interface)."""
        return _authenticate(request)


def _authenticate(request: HttpRequest) -> Principal:
    """Return who sends a call, which counts. Raises NotSignedIn, and OverLimit for one too many."""
    try:
        principal = visibility.authenticate(request)
    except NotSignedIn:
        rate_limits.require_address_rate(client_address(request))
        raise
    rate_limits.require_user_rate(principal.user.pk)
    return principal


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, saying why it failed instead of making a page of it."""

    def check(self, request: HttpRequest) -> str | None:
        """Return why the request fails the check; None if it passes."""
        self.reason: str | None = None
        request.csrf_processing_done = False  # type: ignore[attr-defined]
        self.process_request(request)
        self.process_view(request, _no_view, (), {})
        return self.reason

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        self.reason = reason
        return HttpResponse(status=403)


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def principal_of(request: HttpRequest) -> Principal:
    """Return who sends an API call (ninja keeps what the callbacks above return in `auth`)."""
    principal: Principal = request.auth  # type: ignore[attr-defined]
    return principal
