"""What can be submitted, and what it would do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.api.kinds import with_options
from jobs.models import Job, Target
from tests.support.people import People, post

pytestmark = pytest.mark.usefixtures("say_kinds")


@pytest.fixture
def fleet(database: str, tmp_path: Path) -> None:
    """Three servers in the inventory, of which two can be updated, to one of two versions."""
    releases = [{"version": "1.4.0"}, {"version": "1.5.0"}]
    (tmp_path / "manifest.json").write_text(json.dumps({"releases": releases}))
    variables = {"ctl": [sys.executable], "repository": str(tmp_path)}
    for name in ("gs-002", "gs-001"):
        Target.objects.create(name=name, variables=variables)
    Target.objects.create(name="db-1")


def kinds(person: Any) -> dict[str, Any]:
    return {kind["name"]: kind for kind in person.client().get("/api/kinds").json()["kinds"]}


@pytest.mark.usefixtures("fleet")
def test_kinds_come_with_schemas_and_what_there_is_to_choose(people: People) -> None:
    update = kinds(people.alice)["version-update"]
    assert update["title"] == "Version update"
    assert update["description"]

    properties = update["schema"]["properties"]
    assert properties["servers"]["x-options"] == ["gs-001", "gs-002"]
    assert sorted(properties["version"]["x-options"]) == ["1.4.0", "1.5.0"]
    assert "x-options" not in properties["batch"]
    assert update["schema"]["required"] == ["servers", "version"]


def test_kinds_for_staff_are_shown_to_staff(people: People) -> None:
    assert "load" not in kinds(people.alice)
    assert "load" in kinds(people.root)
    assert kinds(people.vera) == {}  # a viewer submits nothing, and sees no inventory


@pytest.mark.usefixtures("fleet")
def test_a_plan_says_what_would_happen_and_submits_nothing(people: People) -> None:
    params = {"servers": ["gs-001", "gs-002"], "version": "1.5.0", "batch": 1}
    wish = {"kind": "version-update", "params": params}
    answer = post(people.alice.client(), "/api/plan", wish)

    assert answer.status_code == 200
    planned = answer.json()
    assert planned["title"].startswith("Update to 1.5.0")
    assert [group["targets"] for group in planned["plan"]["groups"]] == [["gs-001"], ["gs-002"]]
    assert planned["plan"]["steps"][0] == "preflight"
    assert planned["plan"]["words"]
    assert not Job.objects.exclude(kind="system").exists()

    job = post(people.alice.client(), "/api/jobs", wish).json()
    assert (job["plan"], job["title"]) == (planned["plan"], planned["title"])


@pytest.mark.usefixtures("fleet")
def test_a_plan_that_cannot_be_made_points_at_the_fields(people: People) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"servers": ["gs-009"], "version": "1.5.0"}, 422, "/servers/0"),
        ({"servers": ["gs-001", "db-1"], "version": "1.5.0"}, 422, "/servers/1"),
        ({"servers": ["gs-001"], "version": "9.9.9"}, 422, "/version"),
        ({"servers": [], "version": "1.5.0"}, 422, "/servers"),
        ({"servers": ["gs-001"], "version": "1.5.0", "batch": 0}, 422, "/batch"),
        ({"servers": ["gs-001"], "version": "1.5.0", "bath": 1}, 422, "/bath"),
    ]
    for params, status, pointer in cases:
        for path in ("/api/plan", "/api/jobs"):
            body = {"kind": "version-update", "params": params}
            answer = post(people.alice.client(), path, body)
            assert (answer.status_code, answer.json()["code"]) == (status, "invalid_params")
            assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert not Job.objects.exclude(kind="system").exists()


def test_only_staff_plan_what_only_staff_submit(people: People) -> None:
    wish = {"kind": "load", "params": {"events": 10}}
    assert post(people.alice.client(), "/api/plan", wish).json()["code"] == "forbidden"
    assert post(people.root.client(), "/api/plan", wish).status_code == 200


def test_choices_are_resolved_wherever_they_stand() -> None:
    schema = {
        "$defs": {"One": {"properties": {"a": {"x-choices": "targets", "type": "string"}}}},
        "properties": {"b": {"items": {"x-choices": "targets"}}, "c": {"x-choices": "unknown"}},
        "anyOf": [{"x-choices": "targets"}],
    }
    made = with_options(schema, {"targets": ["x"]})
    assert made["$defs"]["One"]["properties"]["a"]["x-options"] == ["x"]
    assert made["properties"]["b"]["items"]["x-options"] == ["x"]
    assert "x-options" not in made["properties"]["c"]
    assert made["anyOf"][0]["x-options"] == ["x"]
    assert "x-options" not in json.dumps(schema)
