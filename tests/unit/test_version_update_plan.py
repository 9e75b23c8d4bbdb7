"""In which groups a version update goes, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.kinds.version_update.kind import VersionUpdate
from jobs.kinds.version_update.params import UpdateParams


def params(count: int = 12, **others: Any) -> UpdateParams:
    servers = [f"gs-{number:03}" for number in range(1, count + 1)]
    return UpdateParams(servers=servers, version="1.5.0", **others)


def test_canaries_go_first_and_alone_then_the_batches() -> None:
    assert [
        (group.name, len(group.targets)) for group in VersionUpdate().plan(params()).groups
    ] == [("canary", 1), ("batch 1", 4), ("batch 2", 4), ("batch 3", 3)]


def test_without_canaries_it_begins_with_a_batch() -> None:
    assert [group.name for group in VersionUpdate().plan(params(5, canary=0)).groups] == [
        "batch 1",
        "batch 2",
    ]


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 70))
def test_every_server_is_in_one_group_and_in_the_order_given(
    count: int, batch: int, canary: int
) -> None:
    some = params(count, batch=batch, canary=canary)
    parts = VersionUpdate().plan(some).groups
    assert [name for part in parts for name in part.targets] == some.servers
    assert all(part.targets for part in parts)
    assert all(len(part.targets) <= batch for part in parts if part.name != "canary")


@pytest.mark.parametrize(
    ("some", "reported"),
    [
        (
            params(),
            "12 servers in 4 batches: gs-001 first, then 4, 4, 3. Stops after 2 failures. "
            "If gs-001 fails, it goes no further.",
        ),
        (
            params(12, canary=2, max_failures=0),
            "12 servers in 4 batches: gs-001 and gs-002 first, then 4, 4, 2. "
            "Stops after 1 failure.",
        ),
        (
            params(12, canary=3, batch=9, max_failures=11),
            "12 servers in 2 batches: 3 servers first, then 9. "
            "Goes on whatever fails, unless it is one of the first 3.",
        ),
        (params(12, canary=0), "12 servers in 3 batches: 4, 4, 4. Stops after 2 failures."),
        (params(4, canary=0, max_failures=0), "4 servers at once. Stops after 1 failure."),
        (params(2, canary=2), "2 servers at once. Goes on whatever fails."),
        (params(1), "1 server: gs-001."),
        (
            params(1000, batch=50),
            "1000 servers in 21 batches: gs-001 first, then 19 times 50, then 49. "
            "Stops after 2 failures. If gs-001 fails, it goes no further.",
        ),
        (
            params(1001, batch=50),
            "1001 servers in 21 batches: gs-001 first, then 20 times 50. Stops after 2 failures. "
            "If gs-001 fails, it goes no further.",
        ),
        (
            params(5, canary=2, batch=5),
            "5 servers in 2 batches: gs-001 and gs-002 first, then 3. Stops after 2 failures. "
            "If gs-001 or gs-002 fails, it goes no further.",
        ),
    ],
)
def test_the_plan_in_words(some: UpdateParams, reported: str) -> None:
    assert VersionUpdate().plan(some).words == reported


def test_the_title_says_version_and_how_many() -> None:
    assert VersionUpdate().title_for(params()) == "Update to 1.5.0 · 12 servers"
    assert VersionUpdate().title_for(params(1)) == "Update to 1.5.0 · gs-001"


@pytest.mark.parametrize(
    "wrong",
    [
        {"servers": []},
        {"servers": "gs-001"},
        {"servers": [1]},
        {"servers": [""]},
        {"version": ""},
        {"version": 1.5},
        {"batch": 0},
        {"batch": "4"},
        {"canary": -1},
        {"canary": True},
        {"max_failures": -1},
        {"colour": "red"},
    ],
)
def test_params_that_fail_the_schema(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UpdateParams.model_validate({"servers": ["gs-001"], "version": "1.5.0"} | wrong)


def test_the_schema_is_enough_for_a_form() -> None:
    schema = UpdateParams.model_json_schema()
    assert schema["required"] == ["servers", "version"]
    assert schema["properties"]["servers"]["x-choices"] == "targets"
    assert schema["properties"]["version"]["x-choices"] == "versions"
    for name, default in {"batch": 4, "canary": 1, "max_failures": 1}.items():
        field = schema["properties"][name]
        assert field["default"] == default
        assert field["title"]
        assert field["description"]
