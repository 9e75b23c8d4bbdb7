"""No answer is left to the guess of a cache: what is not said to be kept is not to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from django.test import Client

from core.asgi import application
from tests.integration.test_api_errors import unreachable_database
from tests.support.people import People, django_client, post

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

JSON = {"Accept": "application/json"}
# By what answers: who asks, how, and the status.
ANSWERS: dict[str, tuple[Callable[[People], Response], int]] = {
    "a page, to a stranger": (lambda people: django_client().get("/history?kind=load"), 302),
    "the first page, to a stranger": (lambda people: django_client().get("/"), 302),
    "the admin, to a stranger": (lambda people: django_client().get("/admin/"), 302),
    "the admin's sign-in page": (lambda people: django_client().get("/admin/login/"), 302),
    "the API's page, to a stranger": (lambda people: django_client().get("/api/docs"), 302),
    "the API's document, to a stranger": (
        lambda people: django_client(**JSON).get("/api/openapi.json"), 401,
    ),
    "the API's document": (lambda people: people.alice.client().get("/api/openapi.json"), 200),
    "the API, to a stranger": (lambda people: django_client().get("/api/jobs"), 401),
    "a listing": (lambda people: people.alice.client().get("/api/jobs"), 200),
    "an address without its slash": (lambda people: django_client().get("/admin"), 301),
    "the icon": (lambda people: django_client().get("/favicon.ico"), 302),
    "signing in, signed in": (lambda people: people.alice.browser().get("/sign-in"), 302),
    "signing in": (lambda people: django_client().get("/sign-in"), 200),
    "no address": (lambda people: people.alice.browser().get("/nowhere"), 404),
    "no job": (lambda people: people.alice.browser().get("/jobs/" + "0" * 32), 404),
    "no kind": (lambda people: people.alice.browser().get("/jobs/new?kind=none"), 404),
    "no static file": (lambda people: django_client().get("/static/assets/gone-abcd1234.js"), 404),
    "no address of the API": (lambda people: django_client().get("/api/nowhere"), 404),
    "a page that is not for them": (lambda people: people.nobody.browser().get("/history"), 403),
    "the admin, to others": (lambda people: people.alice.browser().get("/admin/login/"), 403),
    "a form without its token": (lambda people: people.alice.browser().post("/sign-out"), 403),
    "a host that is not ours": (
        lambda people: Client(HTTP_HOST="evil.example").get("/history"),
        400,
    ),
    "a method that a page has not": (lambda people: people.alice.browser().put("/history"), 403),
    "a page": (lambda people: people.alice.browser().get("/history"), 200),
    "health": (lambda people: django_client().get("/healthz"), 200),
    "a report": (lambda people: post(django_client(), "/csp-report", {}), 204),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_no_cache_keeps_an_answer(people: People, case: str) -> None:
    ask, status = ANSWERS[case]
    answer = ask(people)
    assert answer.status_code == status
    assert "no-store" in answer["Cache-Control"]


def test_a_method_that_a_page_has_not_is_kept_by_no_cache(people: People) -> None:
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(people.alice.user)
    answer = browser.put("/history")
    assert answer.status_code == 405
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("path", ["/history", "/api/jobs", "/admin/"])
def test_a_fault_is_kept_by_no_cache(people: People, path: str) -> None:
    browser = people.root.browser()
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
