"""Every error of the protocol's table that REST can give, and what must never be a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Job
from ops.embedded import ports
from tests.support.django_servers import using_database
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, django_client, post

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.usefixtures("say_kinds")

DEEP = b'{"kind":"test-say","params":' + b'{"a":' * 70 + b"1" + b"}" * 71
DEEPER = b'{"kind":"test-say","params":' + b"[" * 100_000

# The body of POST /api/jobs, sent by alice: status, code, and a word of what is said.
BODIES: list[tuple[Any, int, str, str]] = [
    ({"kind": "none", "params": {}}, 422, "invalid_params", "test-say"),
    ({"kind": "test-say", "params": {"words": 7}}, 422, "invalid_params", "/words"),
    ({"kind": "test-say", "params": {"words": ["a", 7]}}, 422, "invalid_params", "/words/1"),
    ({"kind": "load", "params": {}}, 403, "forbidden", "staff"),
    ({"params": {}}, 400, "bad_request", "/kind"),
    ({"kind": "test-say", "params": []}, 400, "bad_request", "/params"),
    ({"kind": "test-say", "parameters": {}}, 400, "bad_request", "/parameters"),
    ({"kind": "test-say", "title": "x" * 301}, 400, "bad_request", "/title"),
    ({"kind": "test-say", "labels": {"a b": "c"}}, 400, "bad_request", "/labels/a b"),
    ({"kind": "test-say", "labels": {"a": 1}}, 400, "bad_request", "/labels/a"),
    ([], 400, "bad_request", ""),
    (None, 400, "bad_request", ""),
    (b"", 400, "bad_request", ""),
    (b"{", 400, "bad_request", "line 1"),
    (b"\xff", 400, "bad_request", "UTF-8"),
    (b'{"kind":"test-say","params":{"words":[NaN]}}', 400, "bad_request", "NaN"),
    (b'{"kind":"test-say","params":{"words":[1e999]}}', 400, "bad_request", "too large"),
    (b'{"kind":"test-say","params":{"n":9223372036854775808}}', 400, "bad_request", "64 bits"),
    (b'{"kind":"test-say","params":{"n":' + b"9" * 5000 + b"}}", 400, "bad_request", "JSON"),
    (DEEP, 400, "bad_request", "nested"),
    (DEEPER, 400, "bad_request", "nested"),
    ({"kind": "test-say", "params": {"words": ["x" * 70_000]}}, 413, "event_too_large", "64 KiB"),
    (b'"' + b"x" * 1024 * 1024 + b'"', 413, "event_too_large", "1 MiB"),
]


def problem(answer: Response) -> dict[str, Any]:
    """The answer as a problem, its form checked."""
    assert answer["Content-Type"] == "application/problem+json"
    assert "no-store" in answer["Cache-Control"]
    found: dict[str, Any] = answer.json()
    assert found["type"] == "about:blank"
    assert found["status"] == answer.status_code
    assert found["title"]
    assert found["detail"]
    return found


def test_every_bad_body_gets_its_documented_error(people: People) -> None:
    client = people.alice.client()
    for body, status, code, word in BODIES:
        found = problem(post(client, "/api/jobs", body))
        shown = repr(body)[:80]
        assert (shown, found["status"], found["code"]) == (shown, status, code)
        assert word in json.dumps(found), shown
    assert Job.objects.count() == 0


def test_what_no_log_can_hold_is_replaced_and_taken(people: People) -> None:
    body = b'{"kind":"test-say","title":"a\\u0000b","params":{"words":["\\ud800"]}}'
    job = post(people.alice.client(), "/api/jobs", body).json()
    assert job["title"] == "a�b"
    assert job["params"]["words"] == ["�"]


def test_bad_queries_and_addresses_get_theirs(people: People) -> None:
    client = people.alice.client()
    expected = {
        "/api/jobs?cursor=x": (400, "bad_cursor"),
        "/api/jobs?cursor=%00": (400, "bad_cursor"),
        "/api/jobs?limit=0": (400, "bad_request"),
        "/api/jobs?limit=x": (400, "bad_request"),
        "/api/jobs?limit=99999": (400, "bad_request"),
        "/api/jobs?status=lost": (400, "bad_request"),
        "/api/jobs?label=x": (400, "bad_request"),
        "/api/jobs?since=yesterday": (400, "bad_request"),
        "/api/audit?job=x": (400, "bad_request"),
        "/api/audit?type=job.lost": (400, "bad_request"),
        "/api/audit?after=-1": (400, "bad_request"),
        f"/api/audit?after={2**63}": (400, "bad_request"),
        "/api/nowhere": (404, "not_found"),
        "/api/": (404, "not_found"),
        "/api": (404, "not_found"),
        "/api/jobs/": (404, "not_found"),
        "/api/jobs/%00": (404, "not_found"),
        "/api/jobs/x/y": (404, "not_found"),
        "/api/tokens/x": (405, "method_not_allowed"),
        "/api/plan": (405, "method_not_allowed"),
    }
    answers = {path: problem(client.get(path)) for path in expected}
    assert {path: (a["status"], a["code"]) for path, a in answers.items()} == expected
    assert answers["/api/jobs?limit=0"]["errors"][0]["parameter"] == "limit"
    for path in ("?text=%00&actor=%00&target=%00&label=a:%00", "?text=%ff", "?text=%ed%a0"):
        found = client.get(f"/api/jobs{path}").json()
        assert (found["jobs"], found["next"]) == ([], None)


NAMED = {
    "/api/jobs?stats=running": "stats",
    "/api/jobs?status=lost": "status",
    "/api/jobs?status=running,%20lost": "status",
    "/api/jobs?kind=brew": "kind",
    "/api/jobs?kind=%00": "kind",
    "/api/jobs?label=chess": "label",
    "/api/jobs?label=a:b&label=" + "x" * 265: "label",
    "/api/jobs?id={0}": "id",
    "/api/jobs?retry_of=urn:uuid:{1}": "retry_of",
    "/api/jobs?Status=running": "Status",
    "/api/jobs?_=1731": "_",
    "/api/jobs?=x": "",
    "/api/audit?type=job.lost": "type",
    "/api/audit?types=job.failed": "types",
    "/api/audit?kind=brew": "kind",
    "/api/audit?output=maybe": "output",
    "/api/audit?since=10000-01-01T00:00:00Z": "since",
    "/api/audit?job={0}": "job",
    "/api/kinds?kind=load": "kind",
    "/api/tokens?user=bob": "user",
    "/api/jobs/{2}?seq=1": "seq",
    "/api/jobs/{2}?job_id=1": "job_id",
    "/api/jobs/{2}/verify?all=1": "all",
}


@pytest.mark.parametrize("path", NAMED)
def test_a_filter_that_is_none_is_named(people: People, path: str) -> None:
    job = make_job(people.alice.user, [ATTEMPT]).pk
    found = problem(people.alice.client().get(path.format(f"{{{job}}}", job, job)))
    assert (found["status"], found["code"]) == (400, "bad_request")
    assert [error["parameter"] for error in found["errors"]] == [NAMED[path]]
    assert found["errors"][0]["detail"]


def test_who_may_not_ask_is_told_that_first(people: People) -> None:
    assert problem(django_client().get("/api/jobs?stats=x"))["code"] == "not_signed_in"
    post_only = "/api/jobs/x/cancel?why=x"  # what changes something says in its body what it takes
    assert problem(post(people.alice.client(), post_only))["code"] == "not_found"


def test_a_kind_that_is_gone_is_still_that_of_its_jobs(people: People) -> None:
    make_job(people.alice.user, [ATTEMPT], kind="retired")
    for path in ("/api/jobs?kind=retired", "/api/audit?kind=retired"):
        assert people.alice.client().get(path).status_code == 200
        # Whoever sees none of them is not told that there are any.
        assert problem(people.carol.client().get(path))["errors"][0]["parameter"] == "kind"


def test_another_method_is_told_which_there_are(people: People) -> None:
    answer = people.alice.client().put("/api/jobs")
    assert problem(answer)["code"] == "method_not_allowed"
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


def test_nobody_gets_in_without_signing_in(people: People) -> None:
    paths = ("/api/jobs", "/api/jobs/x", "/api/kinds", "/api/audit", "/api/tokens")
    for path in (*paths, "/api/openapi.json"):
        answer = django_client(Accept="application/json").get(path)
        assert problem(answer)["code"] == "not_signed_in"
        assert answer["WWW-Authenticate"].startswith("Bearer")
    for path in ("/api/jobs", "/api/plan", "/api/jobs/x/cancel", "/api/tokens"):
        assert problem(post(django_client(), path))["code"] == "not_signed_in"


def test_roles_are_told_what_they_may_not(people: People) -> None:
    wish = {"kind": "test-say", "params": {}}
    for who in (people.vera, people.audrey, people.nobody):
        for path in ("/api/jobs", "/api/plan"):
            assert problem(post(who.client(), path, wish))["code"] == "forbidden"
    for path in ("/api/jobs", "/api/audit"):
        assert problem(people.nobody.client().get(path))["code"] == "forbidden"


def test_a_bad_idempotency_key_is_refused(people: People) -> None:
    for key in ("", " ", "x" * 201, "ключ", "a b"):
        answer = post(
            people.alice.client(), "/api/jobs", {"kind": "test-say"}, **{"Idempotency-Key": key}
        )
        assert (key, problem(answer)["code"]) == (key, "bad_request")


def test_a_form_instead_of_json_is_refused_in_the_same_way(people: People) -> None:
    browser = people.alice.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    for form in ({"kind": "test-say", "csrfmiddlewaretoken": "a" * 32}, {"kind": "test-say"}):
        answer = browser.post("/api/jobs", form, headers={"X-CSRFToken": "a" * 32})
        assert problem(answer)["code"] == "bad_request"


def test_a_host_that_is_not_ours_is_refused(people: People) -> None:
    answer = people.alice.client().get("/api/jobs", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


def test_an_absent_database_is_a_503_that_says_when_to_come_back(people: People) -> None:
    client = people.alice.client()
    with unreachable_database():
        answer = client.get("/api/jobs")
    assert problem(answer)["code"] == "unavailable"
    assert answer["Retry-After"] == "1"
    assert client.get("/api/jobs").status_code == 200


@contextmanager
def unreachable_database() -> Iterator[None]:
    """Point Django at a port on which nobody listens."""
    pool = {"min_size": 0, "max_size": 1, "timeout": 0.5}
    nowhere = f"postgresql://nobody@127.0.0.1:{ports.free()}/none"
    with using_database(nowhere, OPTIONS={"pool": pool}):
        yield
