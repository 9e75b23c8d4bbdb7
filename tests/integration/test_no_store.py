"""No answer is left to the guess of a cache: what is not said to be kept is not to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from django.test import Client

from core.asgi import application
from tests.integration.test_api_errors import unreachable_database
from tests.support import cast as casting
from tests.support.cast import Cast, post

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

JSON = {"Accept": "application/json"}
# By what answers: who asks, how, and the status.
ANSWERS: dict[str, tuple[Callable[[Cast], Response], int]] = {
    "a page, to a stranger": (lambda cast: casting.client().get("/history?kind=load"), 302),
    "the first page, to a stranger": (lambda cast: casting.client().get("/"), 302),
    "the admin, to a stranger": (lambda cast: casting.client().get("/admin/"), 302),
    "the admin's sign-in page": (lambda cast: casting.client().get("/admin/login/"), 302),
    "the API's page, to a stranger": (lambda cast: casting.client().get("/api/docs"), 302),
    "the API's document, to a stranger": (
        lambda cast: casting.client(**JSON).get("/api/openapi.json"), 401,
    ),
    "the API's document": (lambda cast: cast.alice.client().get("/api/openapi.json"), 200),
    "the API, to a stranger": (lambda cast: casting.client().get("/api/jobs"), 401),
    "a listing": (lambda cast: cast.alice.client().get("/api/jobs"), 200),
    "an address without its slash": (lambda cast: casting.client().get("/admin"), 301),
    "the icon": (lambda cast: casting.client().get("/favicon.ico"), 302),
    "signing in, signed in": (lambda cast: cast.alice.browser().get("/sign-in"), 302),
    "signing in": (lambda cast: casting.client().get("/sign-in"), 200),
    "no address": (lambda cast: cast.alice.browser().get("/nowhere"), 404),
    "no job": (lambda cast: cast.alice.browser().get("/jobs/" + "0" * 32), 404),
    "no kind": (lambda cast: cast.alice.browser().get("/jobs/new?kind=none"), 404),
    "no static file": (lambda cast: casting.client().get("/static/assets/gone-abcd1234.js"), 404),
    "no address of the API": (lambda cast: casting.client().get("/api/nowhere"), 404),
    "a page that is not for them": (lambda cast: cast.nobody.browser().get("/history"), 403),
    "the admin, to others": (lambda cast: cast.alice.browser().get("/admin/login/"), 403),
    "a form without its token": (lambda cast: cast.alice.browser().post("/sign-out"), 403),
    "a host that is not ours": (lambda cast: Client(HTTP_HOST="evil.example").get("/history"), 400),
    "a method that a page has not": (lambda cast: cast.alice.browser().put("/history"), 403),
    "a page": (lambda cast: cast.alice.browser().get("/history"), 200),
    "health": (lambda cast: casting.client().get("/healthz"), 200),
    "a report": (lambda cast: post(casting.client(), "/csp-report", {}), 204),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_no_cache_keeps_an_answer(cast: Cast, case: str) -> None:
    ask, status = ANSWERS[case]
    answer = ask(cast)
    assert answer.status_code == status
    assert "no-store" in answer["Cache-Control"]


def test_a_method_that_a_page_has_not_is_kept_by_no_cache(cast: Cast) -> None:
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(cast.alice.user)
    answer = browser.put("/history")
    assert answer.status_code == 405
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("path", ["/history", "/api/jobs", "/admin/"])
def test_a_fault_is_kept_by_no_cache(cast: Cast, path: str) -> None:
    browser = cast.root.browser()
    with unreachable_database():
        answer = browser.get(path)
    assert answer.status_code in {500, 503}
    assert "no-store" in answer["Cache-Control"]


async def test_what_there_can_be_no_request_of_is_a_problem_that_no_cache_keeps(
    database: str,
) -> None:
    service = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=service, base_url="http://localhost") as client:
        for path in ("/api/jobs", "/history"):
            for method in ("GET", "POST"):
                headers = {"Content-Type": "a/b; c*=nonsense''%41"}
                answer = await client.request(method, path, headers=headers)
                assert answer.status_code == 400
                assert answer.json()["code"] == "bad_request"
                assert answer.headers["Cache-Control"] == "no-store"
