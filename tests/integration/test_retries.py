"""Retrying: which targets, with what, as whose; and the jobs that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from jobs.commands import retry
from jobs.events import EventType, NewEvent
from jobs.kinds import registry
from jobs.kinds.load.kind import Load
from jobs.kinds.version_update.kind import VersionUpdate
from jobs.kinds.version_update.params import UpdateParams
from jobs.models import Job
from tests.support import kinds
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, post

pytestmark = pytest.mark.usefixtures("database", "say_kinds")

PLACES = ["gs-1", "gs-2", "gs-3", "gs-4", "gs-5", "gs-6"]


def step(name: str, target: str, outcome: str = "succeeded", occurrence: int = 1) -> list[NewEvent]:
    common = {"try": 1, "occurrence": occurrence}
    began = NewEvent(EventType.STEP_STARTED, common, name, target)
    data = {**common, "seconds": 0.1, "error": {"type": "E", "message": "so"}}
    ended = NewEvent(EventType(f"step.{outcome}"), data, name, target)
    return [began] if outcome == "started" else [began, ended]


def failed(**data: Any) -> NewEvent:
    return NewEvent(EventType.JOB_FAILED, {"message": "Ill.", **data})


def ended_job(people: People, *events: NewEvent, owner: Person | None = None, **fields: Any) -> Job:
    params = kinds.Places(places=PLACES, ill=["gs-2"])
    values = {
        "kind": "test-visit",
        "title": "Visit places",
        "params": params.model_dump(),
        "plan": kinds.Visit().plan(params).as_dict(),
        "labels": {"game": "chess"},
        "team": people.red,
    }
    return make_job((owner or people.alice).user, [ATTEMPT, *events], **(values | fields))


def a_mixed_run(people: People, **fields: Any) -> Job:
    """gs-1 well, gs-2 failed, gs-3 well at the second go, gs-4 half-way, gs-5 skipped, gs-6 not."""
    return ended_job(
        people,
        *step("go", "gs-1"), *step("look", "gs-1"),
        *step("go", "gs-2"), *step("look", "gs-2", "failed"), *step("rollback", "gs-2"),
        *step("go", "gs-3", "failed"), *step("go", "gs-3", occurrence=2), *step("look", "gs-3"),
        *step("go", "gs-4"),
        NewEvent(EventType.STEP_SKIPPED, {"occurrence": 1, "reason": "so"}, "go", "gs-5"),
        NewEvent(EventType.STEP_SKIPPED, {"occurrence": 1, "reason": "so"}, "look", "gs-5"),
        failed(failed_targets=["gs-2"]),
        **fields,
    )  # fmt: skip


def test_what_did_not_succeed_is_done_again_as_a_new_job(people: People) -> None:
    job = a_mixed_run(people, priority=7)
    assert retry.unsuccessful_targets(job) == ["gs-2", "gs-4", "gs-5", "gs-6"]
    answer = post(people.bob.client(), f"/api/jobs/{job.pk}/retry", {"only": "failed"})
    made = answer.json()
    assert (answer.status_code, made["retry_of"]) == (201, str(job.pk))
    assert answer["Location"] == f"/api/jobs/{made['id']}"
    assert made["params"] == {"places": ["gs-2", "gs-4", "gs-5", "gs-6"], "ill": ["gs-2"]}
    assert (made["labels"], made["team"]) == ({"game": "chess"}, "red")
    assert Job.objects.get(pk=made["id"]).priority == 7
    assert (made["submitted_by"], made["status"]) == ("token:bob/test", "queued")
    assert made["plan"]["groups"][0]["targets"] == ["gs-2", "gs-4", "gs-5", "gs-6"]

    found = people.vera.client().get(f"/api/jobs?retry_of={job.pk}").json()["jobs"]
    assert [one["id"] for one in found] == [made["id"]]


def test_all_of_it_is_done_again_with_the_same_params(people: People) -> None:
    job = ended_job(people, NewEvent(EventType.JOB_SUCCEEDED, {"message": "Well."}))
    refused = post(people.bob.client(), f"/api/jobs/{job.pk}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
    assert refused.json()["detail"] == "The job succeeded on every target."
    made = post(people.bob.client(), f"/api/jobs/{job.pk}/retry", {"only": "all"}).json()
    assert (made["params"], made["retry_of"]) == (job.params, str(job.pk))


def test_a_target_that_the_job_blames_has_failed_whatever_its_steps(people: People) -> None:
    well = [event for name in PLACES for of in ("go", "look") for event in step(of, name)]
    job = ended_job(people, *well, failed(failed_targets=["gs-3", "elsewhere"]))
    assert retry.unsuccessful_targets(job) == ["gs-3", "elsewhere"]


def test_a_target_that_was_put_back_has_not_succeeded(people: People) -> None:
    well = [event for name in PLACES for of in ("go", "look") for event in step(of, name)]
    job = ended_job(people, *well, *step("undo go", "gs-2"), *step("rollback", "gs-4"), failed())
    assert retry.unsuccessful_targets(job) == ["gs-2", "gs-4"]


def test_a_stopped_job_is_retried_where_it_had_not_come_through(people: People) -> None:
    stop = NewEvent(EventType.JOB_CANCEL_REQUESTED)
    over = NewEvent(EventType.JOB_CANCELLED, {"message": "Stopped."})
    first = [*step("go", "gs-1"), *step("look", "gs-1"), *step("go", "gs-2", "started")]
    assert retry.unsuccessful_targets(ended_job(people, *first, stop, over)) == PLACES[1:]


def test_the_title_stays_where_somebody_chose_it(people: People) -> None:
    job = a_mixed_run(people, title="Friday's round")
    made = post(people.bob.client(), f"/api/jobs/{job.pk}/retry").json()
    assert made["title"] == "Friday's round"


def test_the_team_stays_whoever_retries(people: People) -> None:
    job = a_mixed_run(people)
    made = post(people.root.client(), f"/api/jobs/{job.pk}/retry").json()
    assert (made["team"], made["submitted_by"]) == ("red", "token:root/test")


def test_the_same_key_makes_one_retry(people: People) -> None:
    job, other, key = a_mixed_run(people), a_mixed_run(people), {"Idempotency-Key": "again-1"}
    client, path = people.bob.client(), f"/api/jobs/{job.pk}/retry"
    first, second = post(client, path, **key), post(client, path, {"only": "failed"}, **key)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    for answer in (
        post(client, path, {"only": "all"}, **key),
        post(client, f"/api/jobs/{other.pk}/retry", **key),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert post(client, path, **{"Idempotency-Key": "a b"}).status_code == 400
    assert post(client, path).json()["id"] != first.json()["id"]


def test_a_job_that_goes_on_is_not_retried(people: People) -> None:
    job = ended_job(people)
    for only in ("failed", "all"):
        refused = post(people.bob.client(), f"/api/jobs/{job.pk}/retry", {"only": only})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
        assert refused.json()["detail"] == "The job is running: it can be retried when it is over."
    assert (
        post(people.bob.client(), f"/api/jobs/{job.pk}/retry", {"only": "some"}).status_code == 400
    )


def test_a_kind_without_a_list_of_targets_is_run_again_whole(people: People) -> None:
    job = make_job(people.root.user, [ATTEMPT, failed()], kind="load", params={"events": 1})
    client, path = people.root.client(), f"/api/jobs/{job.pk}"
    assert client.get(path).json()["can"] == ["fork"]
    refused = post(client, f"{path}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
    assert "no list of targets" in refused.json()["detail"]
    assert post(client, f"{path}/retry", {"only": "all"}).json()["params"]["events"] == 1


def test_what_has_gone_from_the_inventory_is_pointed_at(people: People) -> None:
    params = {"servers": ["gs-7", "gs-8"], "version": "1.5.0"}
    plan = {"steps": [], "groups": [{"name": "batch 1", "targets": ["gs-7", "gs-8"]}], "words": ""}
    job = make_job(
        people.alice.user, [ATTEMPT, failed()], kind="version-update", params=params, plan=plan
    )
    refused = post(people.alice.client(), f"/api/jobs/{job.pk}/retry")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_params")
    assert refused.json()["errors"][0]["pointer"] == "/servers/0"
    assert Job.objects.count() == 1


def test_a_kind_for_staff_is_retried_by_staff(people: People) -> None:
    job = make_job(people.alice.user, [ATTEMPT, failed()], kind="load", params={})
    answer = post(people.alice.client(), f"/api/jobs/{job.pk}/retry", {"only": "all"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_which_kinds_can_be_retried() -> None:
    class Own(kinds.Say):
        def retry_params(self, params: BaseModel, targets: Any) -> kinds.Words:
            return kinds.Words(words=list(targets))

    assert VersionUpdate().retryable
    assert Own().retryable
    assert not Load().retryable
    assert not kinds.Say().retryable
    assert registry.find_kind("nothing") is None


def test_an_updates_params_are_cut_down_to_the_servers() -> None:
    params = UpdateParams(servers=["c", "a", "b"], version="1", batch=2, canary=1, max_failures=3)
    again = VersionUpdate().retry_params(params, {"b", "c"})
    assert again == params.model_copy(update={"servers": ["c", "b"]})
