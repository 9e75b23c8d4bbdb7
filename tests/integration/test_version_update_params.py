"""Parameters against the inventory: what is not there is refused, field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import InvalidParams
from jobs.kinds import registry
from jobs.models import Target
from ops.fleet import releases

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def inventory(database: str, tmp_path: Path) -> None:
    releases.build(tmp_path / "repository")
    variables = {"ctl": ["true"], "repository": str(tmp_path / "repository")}
    for name in ("gs-001", "gs-002"):
        Target.objects.create(name=name, variables=variables)
    Target.objects.create(name="printer", variables={"control": "http://127.0.0.1:1"})
    lost = variables | {"repository": str(tmp_path / "nowhere")}
    Target.objects.create(name="gs-lost", variables=lost)


def errors(**params: Any) -> list[tuple[str, str]]:
    """Return pointers and details of what is wrong with these parameters."""
    kind = registry.get_kind("version-update")
    with pytest.raises(InvalidParams) as caught:
        kind.parse({"servers": ["gs-001"], "version": "1.5.0"} | params)
    return [(error["pointer"], error["detail"]) for error in caught.value.errors]


@pytest.mark.usefixtures("inventory")
def test_servers_that_are_there_and_a_version_that_is_are_fine() -> None:
    kind = registry.get_kind("version-update")
    params = kind.parse({"servers": ["gs-002", "gs-001"], "version": "1.6.0"})
    assert kind.targets(params) == ["gs-002", "gs-001"]
    assert kind.plan(params).as_dict() == {
        "steps": ["preflight", "drain", "fetch", "switch", "restart", "health", "undrain"],
        "groups": [
            {"name": "canary", "targets": ["gs-002"]},
            {"name": "batch 1", "targets": ["gs-001"]},
        ],
        "words": "2 servers in 2 batches: gs-002 first, then 1. "
        "Goes on whatever fails, unless it is gs-002.",
    }


@pytest.mark.usefixtures("inventory")
def test_groups_and_labels_become_names() -> None:
    Target.objects.filter(name__startswith="gs-0").update(group="eu")
    Target.objects.filter(name="gs-002").update(labels={"rack": "7"})
    kind = registry.get_kind("version-update")
    raw = {"servers": ["label:rack=7", "group:eu"], "version": "1.6.0"}
    assert kind.targets(kind.parse(raw)) == ["gs-002", "gs-001"]
    assert errors(servers=["gs-001", "group:mars"]) == [
        ("/servers/1", "No target fits group:mars.")
    ]


@pytest.mark.usefixtures("inventory")
def test_each_wrong_server_is_pointed_at() -> None:
    assert errors(servers=["gs-001", "gs-099", "gs-001", "printer"]) == [
        ("/servers/1", "There is no server gs-099."),
        ("/servers/2", "gs-001 is listed twice."),
        ("/servers/3", "printer cannot be updated: it has no control script (variable ctl)."),
    ]


@pytest.mark.usefixtures("inventory")
def test_a_version_that_does_not_exist_is_pointed_at() -> None:
    [(pointer, detail)] = errors(version="9.9.9")
    assert pointer == "/version"
    assert detail.startswith("There is no release 9.9.9; the repository has 1.5.0, 1.6.0, ")


@pytest.mark.usefixtures("inventory")
def test_every_servers_own_repository_must_have_the_version() -> None:
    assert errors(servers=["gs-001", "gs-lost"]) == [
        ("/version", "There is no release 1.5.0; the repository has no manifest that can be read.")
    ]


@pytest.mark.usefixtures("inventory")
def test_what_fails_the_schema_is_pointed_at_too() -> None:
    assert [pointer for pointer, _ in errors(batch=0, canary="one", colour="red")] == [
        "/batch",
        "/canary",
        "/colour",
    ]


@pytest.mark.usefixtures("inventory")
def test_the_form_offers_what_can_be_updated_to_what_there_is() -> None:
    choices = registry.get_kind("version-update").choices()
    assert choices["targets"] == ["gs-001", "gs-002", "gs-lost"]
    assert choices["versions"][:3] == ["1.5.0", "1.6.0", "1.4.0"]


def test_an_empty_inventory_offers_nothing_and_refuses_everything() -> None:
    assert registry.get_kind("version-update").choices() == {"targets": [], "versions": []}
    assert errors() == [("/servers/0", "There is no server gs-001.")]
