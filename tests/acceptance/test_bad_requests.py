"""Requests that must not succeed: each gets its documented error, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.acceptance.people import People
from tests.acceptance.rows import Rows
from tests.acceptance.up import Up

Json = dict[str, Any]
ABSENT = "01920000-0000-7000-8000-000000000000"


def update(**params: object) -> Json:
    """Return the body of an update that is right but for `params`; None leaves one out."""
    full = {"servers": ["gs-001"], "version": "1.5.0"} | params
    kept = {name: value for name, value in full.items() if value is not None}
    return {"kind": "version-update", "params": kept}


SUBMISSIONS: dict[str, tuple[Json, int, str, str]] = {
    "unknown kind": ({"kind": "coffee", "params": {}}, 422, "invalid_params", "/kind"),
    "no servers": (update(servers=[]), 422, "invalid_params", "/servers"),
    "a word for a number": (update(batch="four"), 422, "invalid_params", "/batch"),
    "too small a number": (update(canary=-1), 422, "invalid_params", "/canary"),
    "a parameter left out": (update(version=None), 422, "invalid_params", "/version"),
    "a parameter too many": (update(speed=3), 422, "invalid_params", "/speed"),
    "no such version": (update(version="9.9.9"), 422, "invalid_params", "/version"),
    "no such server": (update(servers=["gs-001", "gs-404"]), 422, "invalid_params", "/servers/1"),
    "a server twice": (update(servers=["gs-001"] * 2), 422, "invalid_params", "/servers/1"),
    "no kind": ({"params": {}}, 400, "bad_request", "/kind"),
    "a member too many": (update() | {"labls": {}}, 400, "bad_request", "/labls"),
    "no object": (update() | {"params": [1]}, 400, "bad_request", "/params"),
}


@pytest.fixture(scope="module")
def senders(up: Up) -> Iterator[list[httpx.Client]]:
    """The operator by token and by session."""
    with up.client() as client, up.browser() as browser:
        yield [client, browser]


@pytest.mark.parametrize("case", SUBMISSIONS)
def test_a_submission_that_does_not_fit_is_refused_with_its_place(
    up: Up, senders: list[httpx.Client], case: str
) -> None:
    body, status, code, place = SUBMISSIONS[case]
    before = up.rows.everything()
    for sender in senders:
        problem = refused(sender.post("/api/jobs", json=body), status, code)
        assert place in [error["pointer"] for error in problem["errors"]], problem
    assert up.rows.everything() == before


def test_a_body_that_is_no_json_or_too_large_is_refused(up: Up) -> None:
    before = up.rows.everything()
    headers = {"Content-Type": "application/json"}
    with up.client() as client:
        refused(client.post("/api/jobs", content=b"{", headers=headers), 400, "bad_request")
        large = update(servers=["x" * 200] * 6000)
        refused(client.post("/api/jobs", json=large), 413, "event_too_large")
    assert up.rows.everything() == before


def test_who_may_not_submit_is_told_so(up: Up, people: People) -> None:
    before = up.rows.everything()
    with httpx.Client(base_url=up.url, trust_env=False, timeout=60) as nobody:
        refused(nobody.post("/api/jobs", json=update()), 401, "not_signed_in")
    with up.client("rp_" + "x" * 43) as stranger:
        refused(stranger.post("/api/jobs", json=update()), 401, "not_signed_in")
    with up.client(people.vera) as viewer:
        refused(viewer.post("/api/jobs", json=update()), 403, "forbidden")
    with up.client(people.olga) as operator:
        answer = operator.post("/api/jobs", json={"kind": "load", "params": {}})
        refused(answer, 403, "forbidden")
    assert up.rows.everything() == before


def test_a_session_submits_nothing_for_another_page(up: Up) -> None:
    before = up.rows.everything()
    with up.browser() as browser:
        foreign = {"Origin": "https://evil.example"}
        refused(browser.post("/api/jobs", json=update(), headers=foreign), 403, "forbidden")
        del browser.headers["X-CSRFToken"]
        refused(browser.post("/api/jobs", json=update()), 403, "forbidden")
    assert up.rows.everything() == before


def test_somebody_elses_job_is_as_if_it_were_not_there(
    up: Up, people: People, finished: str
) -> None:
    before = up.rows.everything()
    with up.client(people.otto) as client:
        told = [
            (
                refused(client.get(f"/api/jobs/{job}"), 404, "not_found"),
                refused(client.post(f"/api/jobs/{job}/cancel"), 404, "not_found"),
            )
            for job in (finished, ABSENT)
        ]
        assert told[0] == told[1], "the answer betrays that the job exists"
        listed = client.get("/api/jobs", params={"text": finished}).json()["jobs"]
        events = client.get("/api/audit", params={"job": finished}).json()["events"]
    assert (listed, events) == ([], [])
    assert up.rows.everything() == before


def test_a_finished_job_takes_no_stop_and_only_its_team_steers(
    up: Up, people: People, finished: str
) -> None:
    before = up.rows.everything()
    with up.client() as client, up.client(people.vera) as viewer:
        refused(client.post(f"/api/jobs/{finished}/cancel"), 409, "not_now")
        assert viewer.get(f"/api/jobs/{finished}").status_code == 200
        refused(viewer.post(f"/api/jobs/{finished}/cancel"), 403, "forbidden")
    assert up.rows.everything() == before


def test_a_state_that_there_is_not_is_refused(up: Up, finished: str) -> None:
    with up.client() as client:
        for at, status, code in states(up.rows, finished):
            refused(client.get(f"/api/jobs/{finished}", params={"at": at}), status, code)


def states(rows: Rows, job: str) -> list[tuple[str, int, str]]:
    """Return values of `at` with what they are answered."""
    return [
        (str(rows.head(job) + 1), 409, "cursor_ahead"),
        ("1-00000000", 409, "history_diverged"),
        ("-1", 400, "bad_cursor"),
        ("first", 400, "bad_cursor"),
    ]


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    """Hold an answer to be that error, and return it."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    problem: Json = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), (
        problem
    )
    assert problem["detail"]
    return problem
