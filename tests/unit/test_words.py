"""Events in words: the history page says what the browser says (`frontend/test/elements`)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frontend import words
from jobs.events import Event, EventType, parse
from tests.support.terminal.corpus import CASES as TERMINAL_CASES
from tests.support.terminal.corpus import Case

CASES = [
    (case["words"], parse(json.dumps(case["event"])))
    for case in map(
        json.loads, Path("frontend/test/elements/words.ndjson").read_text("utf-8").splitlines()
    )
]


@pytest.mark.parametrize(("expected", "event"), CASES, ids=[event.type for _, event in CASES])
def test_an_event_is_said_as_in_the_browser(expected: str, event: Event) -> None:
    assert words.words(event) == expected


@pytest.mark.parametrize("case", TERMINAL_CASES, ids=str)
def test_output_and_messages_are_said_as_a_terminal_shows_them(case: Case) -> None:
    shown = "\n".join(case.lines).rstrip()
    first, *rest = shown.split("\n")
    more = f" (+ {words.plural(len(rest), 'line')})" if rest else ""
    assert words.words(event(EventType.STEP_OUTPUT, {"text": case.text})) == first + more
    failed = event(EventType.JOB_FAILED, {"message": case.text})
    assert words.words(failed).rstrip() == (f"Failed: {shown}" if case.lines else "Failed")
    error = {"type": "CommandFailed", "message": case.text}
    step = words.words(event(EventType.STEP_FAILED, {"error": error, "seconds": 1}))
    assert step.rstrip() == f"s failed after 1.0\xa0s: {shown}".rstrip()


def event(type: EventType, data: dict[str, Any]) -> Event:
    return Event(1, type, 1, "2026-11-22T09:00:00.000000Z", "worker:w", 1, "s", "a", data)


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
