"""Old versions of events: brought up on reading, never on disk; newer ones said to be newer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.events import EventType, NewerEvent, parse, parse_stored
from jobs.events.fold import State, UnknownEvent, fold_event
from jobs.events.upcasters import UPCASTERS, upcast_data, version_of


def stored(type_: str, version: int, **data: Any) -> str:
    """Return an event's text."""
    members = {
        "seq": 7, "type": type_, "version": version, "at": "2026-11-22T09:00:00.000000Z",
        "actor": "system", "attempt": 0, "data": data, "hash": "0" * 64,
    }  # fmt: skip
    return json.dumps(members)


def plan(*targets: int) -> dict[str, Any]:
    """Return a plan with groups of so many targets."""
    return {"groups": [{"name": "g", "targets": ["t"] * count} for count in targets]}


@pytest.mark.parametrize(
    ("data", "total"),
    [
        ({"kind": "version-update", "plan": plan(1, 4, 4)}, 9),
        ({"kind": "version-update", "plan": plan(1, 4), "total": 5}, 5),
        ({"kind": "load", "plan": plan(), "params": {"steps": 300}, "total": 0}, 300),
        ({"kind": "load", "plan": plan(10), "params": {"steps": 10}, "total": 10}, 10),
        ({"kind": "other", "plan": plan(), "total": 0}, 0),
        ({"kind": "other", "plan": {}}, 0),
        ({}, 0),
    ],
)
def test_version_1_of_job_submitted_counts_what_the_run_counts(
    data: dict[str, Any], total: int
) -> None:
    text = stored("job.submitted", 1, **data)
    event = parse(text)
    assert (event.version, event.data) == (2, {**data, "total": total})
    assert fold_event(State(), event).summary.total == total
    assert (parse_stored(text).version, parse_stored(text).data) == (1, data)


def test_every_version_before_the_newest_has_an_upcaster() -> None:
    for type_ in EventType:
        for old in range(1, version_of(type_)):
            assert (type_, old) in UPCASTERS
    assert {type_ for type_, _ in UPCASTERS} <= set(EventType)


def test_the_newest_version_is_left_alone() -> None:
    data = {"total": 3, "plan": plan(1)}
    assert upcast_data("job.submitted", 2, data) is data
    assert parse(stored("job.submitted", 2, **data)).data == data
    assert parse(stored("step.output", 1, text="x")).data == {"text": "x"}


@pytest.mark.parametrize("type_", EventType)
def test_a_version_that_is_not_known_is_refused_and_says_so(type_: EventType) -> None:
    newer = version_of(type_) + 1
    text = stored(type_, newer)
    with pytest.raises(NewerEvent, match=f"Event 7 is a {type_} of version {newer}; this Reprise"):
        parse(text)
    assert parse_stored(text).version == newer


def test_a_type_that_is_not_known_can_be_read_but_not_folded() -> None:
    event = parse(stored("job.teleported", 4, where="x"))
    assert (event.version, event.data) == (4, {"where": "x"})
    with pytest.raises(UnknownEvent, match=r"Event 7 is a job\.teleported, which this Reprise"):
        fold_event(State(), event)
