"""Exceptions become the documented errors, and errors become problems."""

from __future__ import annotations

import json

import pytest
from django.core import exceptions
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from ninja.errors import HttpError, ValidationError
from psycopg_pool import PoolTimeout

from core import problems
from core.errors import BadRequest, GoingDown, InvalidParams, NotFound, NotSignedIn


@pytest.mark.parametrize(
    ("exception", "code", "status"),
    [
        (NotFound(), "not_found", 404),
        (Http404("secret"), "not_found", 404),
        (exceptions.PermissionDenied("secret"), "forbidden", 403),
        (exceptions.SuspiciousOperation("secret"), "bad_request", 400),
        (exceptions.RequestDataTooBig("secret"), "event_too_large", 413),
        (HttpError(400, "secret"), "bad_request", 400),
        (HttpError(401, "secret"), "not_signed_in", 401),
        (DataError("secret"), "bad_request", 400),
        (OperationalError("secret"), "unavailable", 503),
        (InterfaceError("secret"), "unavailable", 503),
        (PoolTimeout("secret"), "unavailable", 503),
        (ZeroDivisionError("secret"), "internal", 500),
    ],
)
def test_every_exception_is_a_documented_error(
    exception: Exception, code: str, status: int
) -> None:
    answer = problems.response(problems.explain(exception))

    problem = json.loads(answer.content)
    assert (problem["code"], problem["status"], answer.status_code) == (code, status, status)
    assert answer["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.content.decode()


def test_what_ninja_wraps_is_unwrapped() -> None:
    wrapped = HttpError(400, "Cannot parse request body")
    wrapped.__cause__ = BadRequest("It is nested too deep.")
    assert problems.explain(wrapped).message == "It is nested too deep."


def test_places_are_pointers_into_the_body_and_names_of_parameters() -> None:
    error = ValidationError(
        [
            {"loc": ("body", "wish", "labels", "a/b~c", "[key]"), "msg": "no"},
            {"loc": ("body", "wish"), "msg": "no"},
            {"loc": ("query", "limit"), "msg": "no"},
        ]
    )
    assert problems.explain(error).extra["errors"] == [
        {"pointer": "/labels/a~1b~0c", "detail": "no"},
        {"pointer": "", "detail": "no"},
        {"parameter": "limit", "detail": "no"},
    ]


def test_headers_say_how_to_sign_in_and_when_to_come_back() -> None:
    assert problems.response(NotSignedIn())["WWW-Authenticate"].startswith("Bearer")
    answer = problems.response(GoingDown(retry_after_s=1.2))
    assert answer["Retry-After"] == "2"
    assert json.loads(answer.content)["retry_after_s"] == 1.2


def test_a_problem_with_a_lone_surrogate_is_still_an_answer() -> None:
    error = InvalidParams([{"pointer": "/\ud800", "detail": "no"}])
    assert json.loads(problems.response(error).content)["errors"] == [
        {"pointer": "/?", "detail": "no"}
    ]
