"""The API itself: routers, authentication, errors and the OpenAPI page, as URL patterns."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from core import problems
from core.errors import BadParameter, NotSignedIn, SecondFactorRequired
from core.negotiation import preferred_type
from jobs.access import second_factor, visibility
from jobs.api.audit import audit
from jobs.api.audit import router as audit_router
from jobs.api.auth import BearerToken, SessionCookie
from jobs.api.comparison import router as comparison_router
from jobs.api.credentials import router as credentials_router
from jobs.api.forks import router as forks_router
from jobs.api.jobs import router as jobs_router
from jobs.api.kinds import router as kinds_router
from jobs.api.notices import router as notices_router
from jobs.api.rights import router as rights_router
from jobs.api.schedules import router as schedules_router
from jobs.api.seals import router as seals_router
from jobs.api.statistics import router as statistics_router
from jobs.api.steering import router as steering_router
from jobs.api.tickets import router as tickets_router
from jobs.api.tokens import router as tokens_router
from jobs.api.verify import router as verify_router
from jobs.events import strict_json

View = Callable[..., HttpResponseBase]
Call = Callable[..., Any]
PAGE, JSON = "text/html", "application/json"

DESCRIPTION = """Submit jobs, read them, steer them. Every call takes the session cookie (with
`X-CSRFToken` where it changes something) or `Authorization: Bearer <token>`. Every error is
`application/problem+json` with a `code`. The streams of a job's events
(`/api/jobs/<id>/stream`, `/api/jobs/<id>/events`, `/ws/jobs/<id>/`) are in the stream protocol's
reference."""


class StrictParser(Parser):
    """Parses bodies as RFC 8259 has it: no NaN, no infinities, 64-bit integers, nesting to 64.

    NUL and lone surrogates become U+FFFD, as in events. Raises BadRequest.
    """

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the body's JSON value."""
        value: dict[str, Any] = strict_json.load_json(request.body)
        return value


def signed_in(view: View) -> View:
    """Let only those in who are signed in; show a browser the sign-in page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            visibility.authenticate(request)
        except NotSignedIn as error:
            if preferred_type(request, PAGE, JSON, problems.CONTENT_TYPE) == PAGE:
                return redirect_to_login(request.get_full_path())
            return problems.response(error)
        except SecondFactorRequired as error:
            if preferred_type(request, PAGE, JSON, problems.CONTENT_TYPE) == PAGE:
                return HttpResponseRedirect(second_factor.PAGE)
            return problems.response(error)
        return view(request, *args, **kwargs)

    return guarded


def problem_answers(view: View) -> View:
    """Make ninja's plain-text 405 a problem, and keep answers out of shared caches."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = view(request, *args, **kwargs)
        if isinstance(answer, HttpResponseNotAllowed):
            allow = answer["Allow"]
            answer = problems.response(problems.MethodNotAllowed(f"Allowed here: {allow}."))
            answer["Allow"] = allow
        answer.headers.setdefault("Cache-Control", "private, no-store")
        return answer

    return wrapped


def known_parameters(call: Call) -> Call:
    """Refuse, before a call that reads, a query parameter that it does not take.

    A misspelt filter would else find everything. Only the streams, which are made for clients of
    others, let pass what these or a proxy add.
    """

    @wraps(call)
    def checked(request: HttpRequest, *args: Any, **values: Any) -> Any:
        if request.method == "GET":
            known = _parameter_names(values) - _in_path(request)
            if unknown := sorted(request.GET.keys() - known):
                takes = ", ".join(sorted(known)) or "none"
                detail = f"There is no parameter {unknown[0]!r} here; it takes: {takes}."
                raise BadParameter(unknown[0], detail)
        return call(request, *args, **values)

    return checked


def _parameter_names(values: dict[str, Any]) -> set[str]:
    """Return the names of what ninja hands to a call: its parameters, and those of its schemas."""
    schemas = [type(value) for value in values.values() if isinstance(value, Schema)]
    return {*values, *(name for schema in schemas for name in schema.model_fields)}


def _in_path(request: HttpRequest) -> set[str]:
    return set(request.resolver_match.kwargs) if request.resolver_match else set()


api = NinjaAPI(
    title="Reprise",
    version="1",
    description=DESCRIPTION,
    auth=[BearerToken(), SessionCookie()],
    parser=StrictParser(),
    docs_decorator=signed_in,
    urls_namespace="api",
)
# Ninja has handlers of its own for these, and looks for the nearest class.
for kind in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(kind, problems.on_exception)
for prefix, router in (
    ("/jobs", jobs_router),
    ("/jobs", steering_router),
    ("/jobs", forks_router),
    ("/jobs", verify_router),
    ("/jobs", seals_router),
    ("/jobs", comparison_router),
    ("/jobs", tickets_router),
    ("/audit", audit_router),
    ("", kinds_router),
    ("", statistics_router),
    ("/rights", rights_router),
    ("/tokens", tokens_router),
    ("/schedules", schedules_router),
    ("/credentials", credentials_router),
    ("/subscriptions", notices_router),
):
    router.add_decorator(known_parameters, mode="operation")
    api.add_router(prefix, router)


def urls(follow_exports: Callable[[View], Call]) -> tuple[list[URLPattern | URLResolver], str, str]:
    """Return the API's URL patterns, for `path("api/", …)`.

    `follow_exports` is put around the calls that may stream their answers.
    """
    patterns, app, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.callback is not None:
            pattern.callback = problem_answers(pattern.callback)
            if pattern.name == audit.__name__:
                pattern.callback = follow_exports(pattern.callback)
    return patterns, app, namespace
