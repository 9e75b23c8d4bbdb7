"""Approvals: who may answer at a gate, and which jobs wait for it before they start; over REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from core.db import in_thread
from jobs import log, schedules
from jobs.access.visibility import of_user
from jobs.checks import check_approvals
from jobs.events import EventType, NewEvent, parse
from jobs.models import Job, Schedule, Target
from jobs.run import Run
from tests.integration import runs
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, make_person, post

pytestmark = pytest.mark.usefixtures("database", "redis", "scripts")

OPEN = {"gate": "go", "words": "Go on?", "not_by_submitter": False}
OTHERS = OPEN | {"not_by_submitter": True}
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def approvals(**rules: str) -> Any:
    """Return a context in which the installation asks for these approvals, by kind."""
    asked = {kind.replace("_", "-"): frozenset(rule.split()) for kind, rule in rules.items()}
    return override_settings(REPRISE=settings.REPRISE.with_changes(approvals=asked))


def gated(owner: Person, people: People, kind: str = "test-script", **gate: Any) -> Job:
    asked = NewEvent(EventType.JOB_APPROVAL_REQUESTED, OPEN | gate)
    return make_job(owner.user, [ATTEMPT, asked], kind=kind, team=people.red)


def answer(person: Person, job: Job) -> tuple[int, str]:
    """Approve a job; return the status and the words of the answer."""
    found = post(person.client(), f"/api/jobs/{job.pk}/approve")
    if found.status_code != 202:
        assert found["Content-Type"] == "application/problem+json"
    return found.status_code, found.json().get("detail", "")


def offer(person: Person, job: Job) -> tuple[bool, dict[str, str]]:
    """Return whether a person is offered to approve, and why they may not answer, by gate."""
    shown = person.client().get(f"/api/jobs?id={job.pk}").json()["jobs"][0]
    assert ("approve" in shown["can"]) == ("reject" in shown["can"])
    return "approve" in shown["can"], shown["refused"]


def test_the_submitter_is_refused_where_the_kind_is_to_be_approved_by_others(
    people: People,
) -> None:
    job = gated(people.alice, people)
    assert offer(people.alice, job) == (True, {})
    for rules in ({"test_script": "others"}, {"*": "others"}):
        with approvals(**rules):
            why = "You submitted this job, so somebody else has to answer."
            assert offer(people.alice, job) == (False, {"go": why})
            assert answer(people.alice, job) == (403, why)
            assert offer(people.bob, job) == (True, {})
    with approvals(test_script="others"):
        assert answer(people.bob, job)[0] == 202


def test_the_rule_of_another_kind_does_not_matter(people: People) -> None:
    with approvals(command="others"):
        assert answer(people.alice, gated(people.alice, people))[0] == 202


def test_who_may_not_submit_the_kind_may_not_approve_it(people: People) -> None:
    job = gated(people.alice, people, "command")
    why = "Your role does not let you answer for jobs of the kind command."
    assert offer(people.bob, job) == (False, {"go": why})
    assert answer(people.bob, job) == (403, why)
    commander = make_person("dora", "commander", people.red)
    assert offer(commander, job) == (True, {})
    assert answer(commander, job)[0] == 202
    assert answer(people.root, gated(people.alice, people, "load"))[0] == 202


def test_of_a_kind_that_is_not_installed_only_staff_approve(people: People) -> None:
    job = gated(people.alice, people, "gone")
    assert answer(people.bob, job)[0] == 403
    assert answer(people.root, job)[0] == 202


def test_who_may_only_look_is_told_why(people: People) -> None:
    job = gated(people.alice, people)
    why = "Your role does not let you steer jobs."
    assert offer(people.vera, job) == (False, {"go": why})
    assert answer(people.vera, job) == (403, why)


def fire_nightly(owner: Person, **by: Person) -> Job:
    """Return the job of a schedule that somebody keeps in another's name."""
    authors = {name: person.user for name, person in by.items()}
    nightly = Schedule(name="nightly", kind="test-script", cron="0 3 * * *", owner=owner.user)
    for name, user in authors.items():
        setattr(nightly, name, user)
    schedules.plan_next(nightly, MONDAY)
    nightly.save()
    assert schedules.fire_due(MONDAY + timedelta(hours=3)) == 1
    job = Job.objects.exclude(kind="system").get()
    asked = NewEvent(EventType.JOB_APPROVAL_REQUESTED, OTHERS)
    log.append(job.pk, [ATTEMPT, asked], actor="worker:test/1")
    job.refresh_from_db()
    return job


def test_the_author_of_a_schedule_counts_as_submitter_and_so_does_who_changed_it_last(
    people: People,
) -> None:
    mallory = make_person("mallory", "operator", people.red)
    job = fire_nightly(people.alice, author=mallory, changed_by=people.bob)
    submitted = parse(log.read(job.pk).texts[0])
    assert submitted.data["authors"] == ["user:mallory", "user:bob"]
    assert submitted.actor == "schedule:nightly"
    why = "You wrote or changed the schedule of this job, so somebody else has to answer."
    for person in (mallory, people.bob):
        assert offer(person, job) == (False, {"go": why})
        assert answer(person, job) == (403, why)
    assert answer(people.alice, job)[0] == 403
    assert answer(make_person("dora", "operator", people.red), job)[0] == 202


def test_the_admin_keeps_who_made_a_schedule_and_who_changed_it(people: People) -> None:
    other = make_person("other")
    other.user.is_staff = True
    other.user.save()
    values = {
        "name": "nightly", "kind": "test-script", "params": "{}", "title": "", "cron": "0 3 * * *",
        "timezone": "UTC", "enabled": "on", "owner": str(people.alice.user.pk),
        "on_missed": "skip", "overlap": "skip",
    }  # fmt: skip
    browser = Client(headers={"Host": "localhost"})
    browser.force_login(people.root.user)
    assert browser.post("/admin/jobs/schedule/add/", values).status_code == 302
    made = Schedule.objects.get()
    assert (made.author, made.changed_by) == (people.root.user, people.root.user)
    browser.force_login(other.user)
    assert browser.post(f"/admin/jobs/schedule/{made.pk}/change/", values).status_code == 302
    schedules.set_enabled(made.pk, on=False)
    made.refresh_from_db()
    assert (made.author, made.changed_by) == (people.root.user, other.user)
    shown = people.root.client().get(f"/api/schedules/{made.pk}").json()
    assert (shown["author"], shown["changed_by"]) == ("root", "other")


async def test_a_kind_waits_for_approval_before_it_starts(people: People) -> None:
    did: list[str] = []

    async def does(run: Run) -> None:
        async def work(_: object) -> None:
            did.append("work")

        await run.step("work", work)

    with approvals(test_script="start others"):
        async with runs.working():
            job = await runs.submit(of_user(people.alice.user), does)
            row = await runs.parked(job)
            assert did == []
            [gate] = row.waiting_for
            assert (gate["gate"], gate["not_by_submitter"]) == ("before the start", True)
            assert (await in_thread(answer, people.alice, row))[0] == 403
            assert (await in_thread(answer, people.bob, row))[0] == 202
            await runs.until(job, "succeeded")
    assert did == ["work"]


def test_the_plan_says_that_somebody_has_to_approve(people: People) -> None:
    wish = {"kind": "test-script", "params": {}}
    for rule, words in (
        ("start", "somebody"),
        ("start others", "somebody other than the submitter"),
    ):
        with approvals(test_script=rule):
            planned = post(people.alice.client(), "/api/plan", wish).json()["plan"]["words"]
            kept = post(people.alice.client(), "/api/jobs", wish).json()["plan"]["words"]
        assert planned == kept == f"Before it starts, {words} has to approve."
    assert post(people.alice.client(), "/api/plan", wish).json()["plan"]["words"] == ""


async def test_who_is_refused_before_the_start_does_nothing(people: People) -> None:
    async def does(run: Run) -> None:
        raise AssertionError("it started")

    with approvals(test_script="start"):
        async with runs.working():
            job = await runs.submit(of_user(people.alice.user), does)
            await runs.parked(job)
            await in_thread(post, people.bob.client(), f"/api/jobs/{job}/reject", {"reason": "No."})
            row = await runs.until(job, "failed")
    assert row.message == "Rejected at the gate before the start by bob/test: No."


async def test_a_run_that_has_begun_goes_on_whatever_the_rule_says_meanwhile(
    people: People,
) -> None:
    async def does(run: Run) -> None:
        await run.gate("middle")

    async with runs.working():
        begun = await runs.submit(of_user(people.alice.user), does)
        await runs.parked(begun)
    with approvals(test_script="start"):
        async with runs.working():
            await in_thread(post, people.bob.client(), f"/api/jobs/{begun}/approve")
            await runs.until(begun, "succeeded")
            asked = await runs.submit(of_user(people.alice.user), does)
            await runs.parked(asked)
    async with runs.working():
        await in_thread(post, people.bob.client(), f"/api/jobs/{asked}/approve")
        await runs.until_row(asked, lambda row: row.waiting_for[:1] != [] and row.attempt == 2)
        await in_thread(post, people.bob.client(), f"/api/jobs/{asked}/approve", {"gate": "middle"})
        await runs.until(asked, "succeeded")


async def test_a_command_shows_what_would_run_and_waits_for_a_second_commander(
    people: People,
) -> None:
    ann, ben = await in_thread(
        lambda: [make_person(n, "commander", people.red) for n in ("ann", "ben")]
    )
    await in_thread(Target.objects.create, name="gs-1", transport="local")
    wish = {"kind": "command", "params": {"targets": ["gs-1"], "command": "true"}}
    with approvals(command="start others"):
        async with runs.working():
            made = await in_thread(post, ann.client(), "/api/jobs", wish)
            row = await runs.parked(Job.objects.model(pk=made.json()["id"]).pk)
            shown = (await in_thread(ben.client().get, "/api/jobs?status=waiting")).json()["jobs"][
                0
            ]
            assert shown["params"]["command"] == "true"
            assert (shown["kind"], shown["submitted_by"]) == ("command", "token:ann/test")
            assert shown["plan"]["groups"][0]["targets"] == ["gs-1"]
            assert [(await in_thread(answer, who, row))[0] for who in (ann, people.bob, ben)] == [
                403, 403, 202,
            ]  # fmt: skip
            await runs.until(row.pk, "succeeded")


def test_a_rule_for_a_kind_that_there_is_not_is_reported() -> None:
    with approvals(comand="start", test_script="others", **{"*": "others"}):
        [error] = check_approvals()
    assert "'comand'" in error.msg
