"""Who may steer a job in which state: every act, every state, every role, over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock
from jobs import log
from jobs.events import Event, EventType, NewEvent, parse
from jobs.events.actions import FROM
from jobs.events.fold import STATUSES
from jobs.models import Job
from jobs.queue import leases, rescue
from tests.support import kinds
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, post

pytestmark = pytest.mark.usefixtures("database", "say_kinds")

PLACES = ["gs-1", "gs-2"]
GATE = {"gate": "go", "words": "Does the canary look well?"}


def event(type: EventType, **data: Any) -> NewEvent:
    return NewEvent(type, data)


def asked(gate: str = "go", not_by_submitter: bool = False) -> NewEvent:
    data = {**GATE, "gate": gate, "not_by_submitter": not_by_submitter}
    return NewEvent(EventType.JOB_APPROVAL_REQUESTED, data)


HELD = {"for": "targets", "targets": [{"target": "gs-1", "job": None}], "count": 1}
TIMER = {"for": "timer", "waits": [{"for": "timer", "name": "settle", "until": "2099-01-01"}]}
SIGNAL = {"for": "signal", "waits": [{"for": "signal", "name": "ready"}]}
# How a job comes into each state, and what is possible there.
STATES: dict[str, tuple[list[NewEvent], str]] = {
    "queued": ([], "cancel pause"),
    "running": ([ATTEMPT], "cancel pause"),
    "waiting for a target": ([event(EventType.JOB_WAITING, **HELD)], "cancel pause"),
    "waiting for a moment": ([ATTEMPT, event(EventType.JOB_WAITING, **TIMER)], "cancel pause"),
    "waiting for a signal": ([ATTEMPT, event(EventType.JOB_WAITING, **SIGNAL)], "cancel pause"),
    "waiting at a gate": ([ATTEMPT, asked()], "cancel pause approve reject"),
    "waiting at another's gate": (
        [ATTEMPT, asked(not_by_submitter=True)],
        "cancel pause approve reject",
    ),
    "paused": ([ATTEMPT, event(EventType.JOB_PAUSED)], "cancel resume"),
    "paused before it ran": ([event(EventType.JOB_PAUSED)], "cancel resume"),
    "paused at a gate": ([ATTEMPT, asked(), event(EventType.JOB_PAUSED)], "cancel resume"),
    "cancelling": ([ATTEMPT, event(EventType.JOB_CANCEL_REQUESTED)], ""),
    "succeeded": ([ATTEMPT, event(EventType.JOB_SUCCEEDED, message="Well.")], ""),
    "failed": ([ATTEMPT, event(EventType.JOB_FAILED, message="Ill.")], "retry fork"),
    "cancelled": (
        [event(EventType.JOB_CANCEL_REQUESTED), event(EventType.JOB_CANCELLED, message="Over.")],
        "retry fork",
    ),
}
MAKE_JOBS = {"retry", "fork"}
SEES = ("alice", "bob", "vera", "root")
STEERS = ("alice", "bob", "root")


def job_of(owner: Person, people: People, events: list[NewEvent]) -> Job:
    params = kinds.Places(places=PLACES).model_dump()
    plan = kinds.Visit().plan(kinds.Places(places=PLACES)).as_dict()
    values = {"kind": "test-visit", "params": params, "plan": plan, "team": people.red}
    return make_job(owner.user, events, **values)


def test_the_states_are_all_there_are() -> None:
    assert {name.split()[0] for name in STATES} == set(STATUSES)


@pytest.mark.parametrize("state", STATES)
def test_who_may_do_what_in_a_state(people: People, state: str) -> None:
    events, possible = STATES[state]
    for who in ("alice", "bob", "carol", "vera", "root"):
        person = getattr(people, who)
        acts = set(possible.split()) if who in STEERS else set()
        if state == "waiting at another's gate" and who == "alice":
            acts -= {"approve", "reject"}
        for act in FROM:
            job = job_of(people.alice, people, events)
            answer = post(person.client(), f"/api/jobs/{job.pk}/{act}")
            assert (who, act, answer.status_code) == (who, act, expected(who, act, acts, possible))
            left = log.read_head(job.pk)
            assert left is not None
            assert (left.seq > job.head) == (act in acts and act not in MAKE_JOBS)
        if who in SEES:
            shown = person.client().get(f"/api/jobs?id={job.pk}").json()["jobs"][0]
            assert set(shown["can"]) == acts


def expected(who: str, act: str, acts: set[str], possible: str) -> int:
    if who not in SEES:
        return 404
    if who not in STEERS:
        return 403
    if act in acts:
        return 201 if act in MAKE_JOBS else 202
    return 403 if act in possible.split() else 409


def last(job: Job) -> Event:
    return parse(log.read(job.pk).texts[-1])


def test_an_act_is_recorded_with_who_and_why(people: People) -> None:
    job = job_of(people.alice, people, [ATTEMPT])
    path, client = f"/api/jobs/{job.pk}", people.bob.client()
    paused = post(client, f"{path}/pause", {"reason": "  The network is slow. "})
    assert (paused.status_code, paused.json()) == (202, {"seq": 3})
    assert (last(job).actor, last(job).data) == (
        "token:bob/test",
        {"reason": "The network is slow."},
    )
    assert client.get(path).json()["status"] == "paused"
    again = post(client, f"{path}/pause")
    assert (again.status_code, again.json()["code"]) == (409, "not_now")
    assert again.json()["detail"] == "The job is paused: it cannot be paused now."
    assert again.json()["job_status"] == "paused"
    assert post(client, f"{path}/resume", {}).json() == {"seq": 4}
    over = job_of(people.alice, people, STATES["failed"][0])
    assert post(client, f"/api/jobs/{over.pk}/cancel").json()["detail"] == (
        "The job has ended (failed): it cannot be stopped now."
    )
    assert (last(job).type, last(job).data) == ("job.resumed", {"reason": ""})


def test_a_stop_is_recorded_with_its_reason_where_one_is_given(people: People) -> None:
    for body, data in (({"reason": " Wrong version. "}, {"reason": "Wrong version."}), ({}, {})):
        job = job_of(people.alice, people, [ATTEMPT])
        answer = post(people.alice.client(), f"/api/jobs/{job.pk}/cancel", body)
        assert answer.status_code == 202
        assert (last(job).type, last(job).data) == ("job.cancel_requested", data)


def test_a_body_may_be_left_out_but_not_be_wrong(people: People) -> None:
    job = job_of(people.alice, people, [ATTEMPT])
    path, client = f"/api/jobs/{job.pk}/pause", people.alice.client()
    wrong: list[object] = [{"why": "so"}, {"reason": 5}, {"reason": "x" * 1001}, [], "now", b"{"]
    for body in wrong:
        answer = post(client, path, body)
        assert (body, answer.status_code) == (body, 400)
    assert client.generic("POST", path).status_code == 202


def test_a_gate_is_answered_by_somebody_else_where_it_says_so(people: People) -> None:
    job = job_of(people.alice, people, [ATTEMPT, asked(not_by_submitter=True)])
    path = f"/api/jobs/{job.pk}/approve"
    for own in (people.alice.client(), signed_in(people.alice)):
        refused = post(own, path, **CSRF)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "somebody else" in refused.json()["detail"]
    [shown] = people.bob.client().get(f"/api/jobs?id={job.pk}").json()["jobs"]
    reported = {**GATE, "not_by_submitter": True, "for": "approval"}
    assert {name: shown["waiting_for"][0][name] for name in reported} == reported
    assert post(people.bob.client(), path, {"reason": "Looks well."}).status_code == 202
    assert last(job).data == {"gate": "go", "reason": "Looks well."}
    row = people.bob.client().get(f"/api/jobs/{job.pk}").json()
    assert (row["status"], row["waiting_for"]) == ("running", [])


CSRF = {"X-CSRFToken": "a" * 32}


def signed_in(person: Person) -> Client:
    browser = person.browser()
    browser.cookies["reprise_csrf"] = "a" * 32
    return browser


def test_which_gate_is_meant_is_said_where_there_are_several(people: People) -> None:
    job = job_of(people.alice, people, [ATTEMPT, asked("one"), asked("two")])
    path, client = f"/api/jobs/{job.pk}/reject", people.bob.client()
    for body, reported in (
        ({}, "Name one of: one, two"),
        ({"gate": "three"}, "does not wait at the gate three, but: one, two"),
    ):
        refused = post(client, path, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
        assert reported in refused.json()["detail"]
    assert post(client, path, {"gate": "two", "reason": "No."}).status_code == 202
    assert (last(job).type, last(job).data) == ("job.rejected", {"gate": "two", "reason": "No."})


@pytest.mark.parametrize("state", ["paused", "paused before it ran", "waiting at a gate"])
def test_what_nobody_runs_is_stopped_at_once_or_delivered_to_be(people: People, state: str) -> None:
    job = job_of(people.alice, people, STATES[state][0])
    assert post(people.bob.client(), f"/api/jobs/{job.pk}/cancel").status_code == 202
    row = Job.objects.get(pk=job.pk)
    assert row.status == ("cancelling" if job.attempt else "cancelled")
    assert leases.take_job(job.pk, "free/1") is not None or not job.attempt


def test_a_paused_job_is_delivered_to_nobody_until_it_is_resumed(people: People) -> None:
    job = job_of(people.alice, people, [])
    post(people.bob.client(), f"/api/jobs/{job.pk}/pause")
    assert leases.take_job(job.pk, "free/1") is None
    Job.objects.update(delivered_at=clock.now() - timedelta(days=1))
    assert rescue.deliver_due() == 0
    post(people.bob.client(), f"/api/jobs/{job.pk}/resume")
    assert Job.objects.get(pk=job.pk).status == "queued"
    assert leases.take_job(job.pk, "free/1") is not None


def test_a_signal_is_sent_to_who_waits_for_it(people: People) -> None:
    job = job_of(people.alice, people, [ATTEMPT, event(EventType.JOB_WAITING, **SIGNAL)])
    url, reported = f"/api/jobs/{job.pk}/signal", {"name": "ready", "data": {"rooms": [1, None]}}
    assert people.carol.client().post(url, reported, "application/json").status_code == 404
    assert people.vera.client().post(url, reported, "application/json").status_code == 403
    wrong = people.alice.client().post(url, {"name": "unready"}, "application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "not_now")
    assert people.alice.client().post(url, {}, "application/json").status_code == 400
    sent = people.bob.client().post(url, reported, "application/json")
    assert (sent.status_code, sent.json()) == (202, {"seq": last(job).seq})
    resumed = last(job)
    assert (resumed.type, resumed.actor) == ("job.resumed", "token:bob/test")
    assert resumed.data == {"signal": "ready", "data": {"rooms": [1, None]}}
    assert people.bob.client().post(url, reported, "application/json").status_code == 409
