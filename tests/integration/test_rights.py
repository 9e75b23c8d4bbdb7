"""Rights of teams on kinds and targets: what each way in answers to those who have none."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.access import grants
from jobs.events import EventType, NewEvent
from jobs.models import Right, Target, Team
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, Person, post
from tests.support.rights_fleet import command_on, submit_command, visit

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")


def test_a_target_of_others_is_one_that_there_is_not(dora: Person) -> None:
    for path in ("/api/jobs", "/api/plan"):
        answers = [post(dora.client(), path, command_on(name)) for name in ("us-1", "xx-1")]
        assert [answer.status_code for answer in answers] == [422, 422]
        foreign, unknown = (answer.content.replace(b"us-1", b"xx-1") for answer in answers)
        assert foreign == unknown
    alike = []
    for name in ("us-1", "xx-1"):
        with CaptureQueriesContext(connection) as asked:
            submit_command(dora, name)
        alike.append(
            [query["sql"].replace(name, "") for query in asked if "jobs_target" in query["sql"]]
        )
    assert alike[0] == alike[1]


def test_a_target_that_is_only_seen_is_named(dora: Person) -> None:
    answer = submit_command(dora, "eu-1", "ap-1")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    why = "No team of yours may run command on ap-1."
    assert answer.json()["detail"] == why
    assert answer.json()["errors"] == [{"pointer": "/targets/1", "detail": why}]


def test_a_label_stands_for_the_targets_of_ones_own_teams(dora: Person, fleet: People) -> None:
    job = submit_command(dora, "label:role=game").json()
    assert (job["params"]["targets"], job["team"]) == (["eu-1", "eu-2"], "red")
    fleet.blue.members.add(dora.user)
    refused = submit_command(dora, "label:role=game")
    assert refused.status_code == 403
    assert "No one team of yours may run command on all of these" in refused.json()["detail"]
    assert submit_command(dora, "group:us").json()["team"] == "blue"


def test_a_kind_of_others_is_one_that_there_is_not(fleet: People) -> None:
    carol, kinds = fleet.carol.client(), ("test-visit", "test-nothing")
    foreign, unknown = (post(carol, "/api/jobs", {"kind": kind, "params": {}}) for kind in kinds)
    assert foreign.status_code == unknown.status_code == 422
    assert foreign.content.replace(b"test-visit", b"test-nothing") == unknown.content
    assert "Known: command." in foreign.json()["detail"]
    for path in ("/api/jobs?kind=", "/api/audit?kind=", "/api/choices?name=targets&kind="):
        answers = [carol.get(f"{path}{kind}") for kind in kinds]
        assert [one.status_code for one in answers] == [400, 400]
        assert answers[0].content.replace(b"test-visit", b"test-nothing") == answers[1].content


def test_who_sees_every_job_knows_every_kind(fleet: People) -> None:
    make_job(fleet.alice.user, [ATTEMPT], kind="test-visit", team=fleet.red)
    client, browser = fleet.audrey.client(), fleet.audrey.browser()
    assert client.get("/api/audit?kind=test-visit").status_code == 200
    assert '"test-visit": ' in browser.get("/").content.decode()
    assert client.get("/api/jobs?kind=test-visit").status_code == 200


def test_who_may_not_submit_sees_no_inventory(fleet: People) -> None:
    for person in (fleet.vera, fleet.audrey, fleet.nobody):
        assert person.client().get("/api/kinds").json()["kinds"] == []
        answer = person.client().get("/api/choices?kind=command&name=targets")
        assert answer.status_code == 403


def test_the_same_request_again_is_refused_without_the_right(dora: Person, fleet: People) -> None:
    key = {"Idempotency-Key": "once"}
    assert submit_command(dora, "eu-1", **key).status_code == 201
    assert submit_command(dora, "eu-1", **key).status_code == 200
    grants.revoke_right(fleet.red, "run", "command", "group:eu")
    again = submit_command(dora, "eu-1", **key)
    assert (again.status_code, again.json()["code"]) == (403, "forbidden")
    grants.grant_right(fleet.red, "run", "command", "eu-2")
    assert submit_command(dora, "eu-1", **key).status_code == 403


def test_a_retry_again_is_refused_without_the_right(fleet: People) -> None:
    failed = NewEvent(EventType.JOB_FAILED, {"message": "No."})
    params = {"places": ["eu-1"]}
    job = make_job(
        fleet.alice.user, [ATTEMPT, failed], kind="test-visit", params=params, team=fleet.red
    )
    path, key = f"/api/jobs/{job.pk}/retry", {"Idempotency-Key": "once"}
    made = [post(fleet.bob.client(), path, {"only": "all"}, **key).status_code for _ in range(2)]
    assert made == [201, 200]
    Right.objects.filter(kind="test-visit").delete()
    grants.grant_right(fleet.red, "run", "test-visit", "eu-2")
    assert post(fleet.bob.client(), path, {"only": "all"}, **key).status_code == 403


def test_who_has_left_the_team_sees_the_job_and_leaves_it_alone(fleet: People) -> None:
    job = make_job(fleet.alice.user, [ATTEMPT], kind="test-visit", team=fleet.red)
    fleet.red.members.remove(fleet.alice.user)
    client = fleet.alice.client()
    assert client.get(f"/api/jobs/{job.pk}").json()["can"] == []
    answer = post(client, f"/api/jobs/{job.pk}/cancel")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You may see this job, but only its team may steer it."


def test_a_job_of_staff_belongs_to_a_team_that_may_run_it_or_to_none(fleet: People) -> None:
    fleet.red.members.add(fleet.root.user)
    assert submit_command(fleet.root, "eu-1").json()["team"] == "red"
    job = submit_command(fleet.root, "us-1").json()
    assert job["team"] is None
    assert fleet.bob.client().get(f"/api/jobs/{job['id']}").status_code == 404


def test_without_the_setting_rights_change_nothing(people: People) -> None:
    Target.objects.create(name="us-1", group="us")
    grants.grant_right(people.blue, "run", "test-visit", "us-1")
    assert visit(people.alice, "us-1").team == people.red
    listed = people.alice.client().get("/api/kinds").json()["kinds"]
    assert {one["name"]: one["can"] for one in listed}["test-visit"] == ["run"]
    assert people.alice.client().get("/api/rights").json() == {
        "unlimited": True, "rights": [], "next": None,
    }  # fmt: skip


def test_people_list_the_rights_of_their_teams(fleet: People) -> None:
    shown = fleet.carol.client().get("/api/rights").json()
    assert [{**one, "id": 0} for one in shown["rights"]] == [
        {"id": 0, "team": "blue", "act": "run", "kind": "command", "targets": "group:us"},
        {"id": 0, "team": "blue", "act": "see", "kind": "command", "targets": "group:ap"},
    ]
    assert (shown["unlimited"], shown["next"]) == (False, None)
    assert fleet.root.client().get("/api/rights").json()["unlimited"]
    extra = [Right(team=fleet.blue, act="run", targets=f"t-{number}") for number in range(210)]
    Right.objects.bulk_create(extra)
    first = fleet.carol.client().get("/api/rights").json()
    second = fleet.carol.client().get(f"/api/rights?after={first['next']}").json()
    assert (len(first["rights"]), len(second["rights"]), second["next"]) == (200, 12, None)


def test_a_team_that_goes_takes_its_rights_along(fleet: People) -> None:
    spare = Team.objects.create(name="Spare", slug="spare")
    grants.grant_right(spare, "run", "*", "*")
    spare.delete()
    assert not Right.objects.filter(targets="*", kind="*").exists()
