"""What does not fit into one event: split into several, and put together again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidParams
from jobs.events import MAX_BODY_BYTES, Event, EventType, NewEvent, make_body
from jobs.events.extensions import (
    check_fits,
    count_extensions,
    ending_events,
    submission_data,
    submission_events,
)

NAMES = st.lists(st.text(max_size=200), max_size=40).map(lambda names: names * 25)


def size_of(event: NewEvent) -> int:
    """Return the bytes of the event's body, at its longest."""
    facts = (2**31, str(event.type), 1, "2026-11-22T09:00:00.000000Z", "user:" + "x" * 150, 1)
    return len(make_body(Event(*facts, None, None, event.data))[1])


def submission(names: list[str], groups: int = 3) -> dict[str, Any]:
    step = max(1, len(names) // groups)
    parts = [names[at : at + step] for at in range(0, len(names), step)]
    return {
        "kind": "version-update",
        "params": {"servers": names, "version": "1.5.0", "more": {"notes": [1, {"of": names[:3]}]}},
        "plan": {
            "steps": ["fetch"],
            "groups": [{"name": f"batch {n}", "targets": part} for n, part in enumerate(parts)],
            "words": "",
        },
    }


def whole(events: list[NewEvent]) -> dict[str, Any]:
    first, *more = events
    assert count_extensions(first.data) == len(more)
    return submission_data(first.data, [event.data for event in more])


@given(NAMES)
def test_whatever_is_submitted_comes_back_as_it_was(names: list[str]) -> None:
    data = submission(names)
    events = submission_events(data)
    assert whole(events) == data
    assert events[0].type == EventType.JOB_SUBMITTED
    assert {event.type for event in events[1:]} <= {EventType.JOB_EXTENDED}
    assert max(map(size_of, events)) <= MAX_BODY_BYTES


def test_ten_thousand_long_names_fit() -> None:
    names = [f"gs-{number:05}.rack-{number % 40:03}.region.example.org" for number in range(10_000)]
    events = submission_events(submission(names, groups=200))
    assert max(map(size_of, events)) <= MAX_BODY_BYTES
    assert whole(events)["params"]["servers"] == names


@pytest.mark.parametrize("batch", [1, 3, 10, 50])
def test_ten_thousand_names_fit_in_batches_of_any_size(batch: int) -> None:
    for length in (0, 150):
        names = [f"gs-{number:05}{'x' * length}" for number in range(10_000)]
        data = submission(names, groups=len(names) // batch)
        events = submission_events(data)
        assert max(map(size_of, events)) <= MAX_BODY_BYTES
        assert whole(events) == data


def test_what_fits_is_one_event_as_it_always_was() -> None:
    data = submission([f"gs-{number:03}" for number in range(1000)])
    [event] = submission_events(data)
    assert event == NewEvent(EventType.JOB_SUBMITTED, data)


def test_a_failure_blames_every_target_however_many() -> None:
    names = [f"gs-{number:05}.region.example.org" for number in range(10_000)]
    ending = NewEvent(EventType.JOB_FAILED, {"message": "No.", "failed_targets": names})
    events = ending_events(ending)
    assert [name for event in events for name in event.data["failed_targets"]] == names
    assert events[-1].type == EventType.JOB_FAILED
    assert events[-1].data["message"] == "No."
    assert max(map(size_of, events)) <= MAX_BODY_BYTES


@pytest.mark.parametrize("data", [{"message": "No."}, {"message": "No.", "failed_targets": ["a"]}])
def test_a_failure_that_fits_is_one_event(data: dict[str, Any]) -> None:
    ending = NewEvent(EventType.JOB_FAILED, data)
    assert ending_events(ending) == [ending]


def test_parameters_that_no_events_can_hold_are_refused_at_their_field() -> None:
    check_fits({"script": "x" * 1000, "names": ["n" * 100] * 10_000})
    with pytest.raises(InvalidParams) as refused:
        check_fits({"short": "a", "the/script": "x" * 40_000, "names": ["n" * 100] * 10_000})
    assert [error["pointer"] for error in refused.value.errors] == ["/the~1script"]
