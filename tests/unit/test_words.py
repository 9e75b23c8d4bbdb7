"""Events in words: the history page says what the browser says (`frontend/test/elements`)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from frontend import words
from jobs.events import Event, EventType, parse

CASES = [
    (case["words"], parse(json.dumps(case["event"])))
    for case in map(
        json.loads, Path("frontend/test/elements/words.ndjson").read_text("utf-8").splitlines()
    )
]


@pytest.mark.parametrize(("expected", "event"), CASES, ids=[event.type for _, event in CASES])
def test_an_event_is_said_as_in_the_browser(expected: str, event: Event) -> None:
    assert words.words(event) == expected


def test_every_type_has_a_case() -> None:
    assert {event.type for _, event in CASES} == set(EventType)


def test_an_unknown_type_is_its_own_name() -> None:
    assert words.words(replace(CASES[0][1], type="job.archived")) == "job.archived"


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        ("user:ann", "ann"),
        ("worker:host-3/812", "worker host-3/812"),
        ("token:ann/ci", "token ann/ci"),
        ("system", "system"),
    ],
)
def test_an_actor_is_named_as_in_the_browser(actor: str, expected: str) -> None:
    assert words.who(actor) == expected
