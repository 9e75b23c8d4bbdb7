"""Rights that have shrunk since the submission: asked again as a worker takes the job."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import log
from jobs.access import grants
from jobs.events import EventType, NewEvent, parse
from jobs.models import Claim, Job, Right
from jobs.queue import leases, rescue
from jobs.run.gates import START_GATE
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, post
from tests.support.rights_fleet import submit_command, visit

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")


def last(job: Job) -> Any:
    return parse(log.read(job.pk).texts[-1])


def test_a_job_whose_team_has_lost_the_right_fails_before_it_takes_a_target(
    dora: Person, fleet: People
) -> None:
    lost = Job.objects.get(pk=submit_command(dora, "eu-1").json()["id"])
    kept = Job.objects.get(pk=submit_command(dora, "eu-2").json()["id"])
    grants.revoke_right(fleet.red, "run", "command", "group:eu")
    grants.grant_right(fleet.red, "run", "command", "eu-2")
    taken = leases.take_many([lost.pk, kept.pk], "test/1")
    assert list(taken) == [kept.pk]
    event = last(lost)
    assert (event.type, event.actor) == ("job.failed", "system")
    assert event.data["message"] == "Its team, Red, may no longer run command on eu-1."
    assert not Claim.objects.filter(job=lost).exists()
    grants.revoke_right(fleet.red, "run", "command", "eu-2")
    gone = visit(fleet.alice, "eu-1")
    Right.objects.all().delete()
    assert leases.take_job(gone.pk, "test/1") is None
    assert last(gone).data["message"] == (
        "Its team, Red, may no longer run jobs of the kind test-visit."
    )


def test_a_job_that_waits_for_a_target_fails_when_its_turn_comes(
    dora: Person, fleet: People
) -> None:
    first, second = (
        Job.objects.get(pk=submit_command(dora, "eu-1").json()["id"]) for _ in range(2)
    )
    assert leases.take_job(first.pk, "test/1") is not None
    assert leases.take_job(second.pk, "test/1") is None
    assert last(second).type == "job.waiting"
    grants.revoke_right(fleet.red, "run", "command", "group:eu")
    assert leases.take_job(second.pk, "test/1") is None
    second.refresh_from_db()
    assert (second.status, second.attempt) == ("failed", 1)
    assert rescue.release_ended() == 1
    assert not Claim.objects.filter(job=second).exists()
    first.refresh_from_db()
    assert first.status == "running"  # what has begun goes on


def started(job: Job, step: str) -> NewEvent:
    return NewEvent(EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, step)


@pytest.mark.parametrize(("step", "goes_on"), [("go", True), (START_GATE, False), ("", False)])
def test_what_has_begun_goes_on_and_what_only_asked_to_start_does_not(
    fleet: People, step: str, goes_on: bool
) -> None:
    job = visit(fleet.alice, "eu-1")
    events = [ATTEMPT, *([started(job, step)] if step else [])]
    log.append(job.pk, events, actor="worker:test/1")
    Right.objects.all().delete()
    assert (leases.take_job(job.pk, "test/2") is not None) is goes_on
    job.refresh_from_db()
    assert job.status == ("running" if goes_on else "failed")


def test_a_job_that_is_being_stopped_stops_whatever_its_rights(fleet: People) -> None:
    job = visit(fleet.alice, "eu-1")
    asked = NewEvent(EventType.JOB_CANCEL_REQUESTED, {})
    log.append(job.pk, [ATTEMPT, asked], actor="user:alice")
    Right.objects.all().delete()
    assert leases.take_job(job.pk, "test/2") is not None


def test_a_job_of_staff_runs_whatever_the_rights_of_its_team(fleet: People) -> None:
    job = visit(fleet.root, "us-1")
    assert job.team is None
    assert leases.take_job(job.pk, "test/1") is not None


def test_a_signal_takes_the_right_to_run_the_kind(fleet: People) -> None:
    wait = {"for": "signal", "waits": [{"for": "signal", "name": "ready"}]}
    events = [ATTEMPT, NewEvent(EventType.JOB_WAITING, wait)]
    job = make_job(fleet.alice.user, events, kind="test-say", team=fleet.red)
    answer = post(fleet.bob.client(), f"/api/jobs/{job.pk}/signal", {"name": "ready"})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "The job's team may no longer run jobs of the kind test-say."
