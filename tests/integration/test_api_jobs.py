"""Submitting, reading and stopping jobs over REST."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client

from jobs import log
from jobs.events import EventType, NewEvent, parse
from jobs.events.fold import State, fold_all
from jobs.log.state import state_at
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.kinds import Words
from tests.support.people import People, post

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.usefixtures("say_kinds")

WISH = {"kind": "test-say", "params": {"words": ["a"]}, "labels": {"game": "chess"}}


def test_a_job_is_submitted_read_and_stopped(people: People) -> None:
    client = people.alice.client()

    made = post(client, "/api/jobs", {**WISH, "title": "Say it"})
    assert made.status_code == 201
    job = made.json()
    assert made["Location"] == f"/api/jobs/{job['id']}"
    assert (job["status"], job["title"], job["team"]) == ("queued", "Say it", "red")
    assert (job["submitted_by"], job["can"]) == ("token:alice/test", ["cancel", "pause"])
    assert job["params"] == Words(words=["a"]).model_dump()
    assert (job["labels"], job["head"]) == ({"game": "chess"}, 1)
    assert len(job["head_hash"]) == 64

    read = client.get(made["Location"]).json()
    assert read == {**job, "seq": 1, "steps": [], "steps_next": None}

    stopped = post(client, f"{made['Location']}/cancel")
    assert (stopped.status_code, stopped.json()) == (202, {"seq": 2})
    assert client.get(made["Location"]).json()["status"] == "cancelled"
    again = post(client, f"{made['Location']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_now")


def test_a_row_of_an_earlier_version_without_a_plan_has_an_empty_one(people: People) -> None:
    job = make_job(people.alice.user, plan={})
    shown = people.alice.client().get(f"/api/jobs/{job.pk}").json()
    assert shown["plan"] == {"steps": [], "groups": [], "words": ""}


def test_a_session_submits_with_its_csrf_token_only(people: People) -> None:
    browser = people.alice.browser()
    refused = post(browser, "/api/jobs", WISH)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "CSRF" in refused.json()["detail"]

    browser.get("/sign-in")  # sets the cookie
    browser.cookies["reprise_csrf"] = "a" * 32
    for wrong in ("b" * 32, "", "x"):
        assert post(browser, "/api/jobs", WISH, **{"X-CSRFToken": wrong}).status_code == 403
    foreign = {"X-CSRFToken": "a" * 32, "Origin": "http://evil.example"}
    assert post(browser, "/api/jobs", WISH, **foreign).status_code == 403

    made = post(browser, "/api/jobs", WISH, **{"X-CSRFToken": "a" * 32})
    assert made.status_code == 201
    assert made.json()["submitted_by"] == "user:alice"


def test_a_bad_token_beside_a_good_session_does_not_spare_the_check(people: People) -> None:
    answer = post(people.alice.browser(), "/api/jobs", WISH, Authorization="Bearer rp_wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert Job.objects.count() == 0


def test_the_same_key_and_body_is_the_same_job(people: People) -> None:
    client, key = people.alice.client(), {"Idempotency-Key": "deploy-7"}
    first = post(client, "/api/jobs", WISH, **key)
    second = post(client, "/api/jobs", {**WISH, "params": {"words": ["a"]}}, **key)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()

    other = post(client, "/api/jobs", {**WISH, "params": {"words": ["b"]}}, **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert (
        post(people.bob.client(), "/api/jobs", WISH, **key).status_code == 201
    )  # a key is a user's
    assert Job.objects.count() == 2


def test_a_key_tells_nothing_to_somebody_without_the_role(people: People) -> None:
    client, key = people.alice.client(), {"Idempotency-Key": "deploy-8"}
    assert post(client, "/api/jobs", WISH, **key).status_code == 201
    people.alice.user.groups.clear()
    answer = post(client, "/api/jobs", WISH, **key)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_of_many_at_once_with_one_key_one_makes_the_job(people: People) -> None:
    raw, start = people.alice.headers, threading.Barrier(6)
    answers: list[Response] = []

    def submit() -> None:
        start.wait()
        headers = {**raw, "Idempotency-Key": "once"}
        answers.append(post(Client(), "/api/jobs", WISH, Host="localhost", **headers))
        connection.close()

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Job.objects.count() == 1
    assert log.read(Job.objects.get().pk).last == 1


def run_of_two_attempts() -> Sequence[NewEvent]:
    step = {"step": "fetch", "target": "gs-001"}
    begun = NewEvent(EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, **step)
    done = {"try": 1, "occurrence": 1, "seconds": 0.5, "result": {"size": 7}}
    return [
        ATTEMPT,
        begun,
        *(output(f"line {number}") for number in range(30)),
        ATTEMPT,
        begun,
        NewEvent(EventType.STEP_PROGRESSED, {"done": 1, "total": 2}, **step),
        output("last"),
        NewEvent(EventType.STEP_SUCCEEDED, done, **step),
        NewEvent(EventType.JOB_PROGRESSED, {"done": 1, "total": 1, "failed": 0}),
        output("after"),
        NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done.", "result": None}),
    ]


def test_a_job_can_be_read_as_it_was_at_every_seq(people: People) -> None:
    job = make_job(people.alice.user, run_of_two_attempts(), team=people.red)
    client = people.alice.client()
    events = [parse(text) for text in log.read(job.pk).texts]

    folded = State()
    for event in events:
        folded = fold_all(folded, [event])
        assert state_at(job.pk, event.seq) == folded
    for at in (1, 4, 33, job.head, f"33-{events[32].hash[:8]}"):
        state = client.get(f"/api/jobs/{job.pk}", {"at": at}).json()
        expected = fold_all(State(), events[: state["seq"]]).as_dict()
        assert {name: state[name] for name in expected} == expected
        assert str(at).startswith(str(state["seq"]))
    assert client.get(f"/api/jobs/{job.pk}").json()["steps"] == state_steps(client, job)


def state_steps(client: Client, job: Job) -> Any:
    return client.get(f"/api/jobs/{job.pk}", {"at": job.head}).json()["steps"]


def test_a_place_that_the_log_does_not_have_is_refused(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT])
    expected = {
        "3": (409, "cursor_ahead"),
        "2-00000000": (409, "history_diverged"),
        "0": (400, "bad_cursor"),
        "-1": (400, "bad_cursor"),
        "x": (400, "bad_cursor"),
        "": (400, "bad_cursor"),
        "1" * 30: (400, "bad_cursor"),
        str(2**63 - 1): (409, "cursor_ahead"),
        "1\x00": (400, "bad_cursor"),
    }
    client = people.alice.client()
    answers = {at: client.get(f"/api/jobs/{job.pk}", {"at": at}) for at in expected}
    assert {at: (a.status_code, a.json()["code"]) for at, a in answers.items()} == expected


def test_somebody_elses_job_is_as_unknown_as_none(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    unknown = "0192f3c1-0000-7000-8000-000000000000"
    for path in (f"/api/jobs/{job.pk}", f"/api/jobs/{unknown}", "/api/jobs/none"):
        for answer in (
            people.carol.client().get(path),
            post(people.carol.client(), f"{path}/cancel"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert answer.json()["detail"] == "There is nothing here that you may see."
    assert log.read(job.pk).last == job.head


def test_a_viewer_reads_and_cannot_stop(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT], team=people.red)
    assert people.vera.client().get(f"/api/jobs/{job.pk}").json()["can"] == []
    answer = post(people.vera.client(), f"/api/jobs/{job.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_parked_job_says_what_it_waits_for(people: People) -> None:
    waits = [
        {"for": "timer", "name": "settle", "until": "2026-11-22T09:00:00.000000Z"},
        {"for": "signal", "name": "go"},
    ]
    asked = {"gate": "canary", "words": "Go on?", "not_by_submitter": False}
    events = [
        ATTEMPT,
        NewEvent(EventType.JOB_WAITING, {"for": "timer", "waits": waits, "count": 2}),
        NewEvent(EventType.JOB_APPROVAL_REQUESTED, asked),
    ]
    job = make_job(people.alice.user, events, team=people.red)
    client = people.alice.client()
    for place in (f"/api/jobs/{job.pk}", f"/api/jobs/{job.pk}?at=4"):
        shown = client.get(place).json()["waiting_for"]
        kept = [{name: value for name, value in one.items() if value is not None} for one in shown]
        assert kept == [*waits, {**asked, "for": "approval"}]
