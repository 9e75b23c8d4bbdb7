"""The corpus has every behaviour that a job's log can show: types, versions, what they may say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.events import Event, EventType, parse_stored
from jobs.events.upcasters import version_of
from tests.replay import histories
from tests.replay.scenes import SCENES

pytestmark = pytest.mark.replay

# No job has these: they are of the system's own log, which no handler, hub or page replays.
# What they say is held by tests/integration/test_system_log*.py.
SYSTEM = "system."
RELEASED = {
    (str(type_), version)
    for type_ in EventType
    if not type_.startswith(SYSTEM)
    for version in range(1, version_of(type_) + 1)
}
# What an event's data has only sometimes (docs/reference/events.md).
SOMETIMES = {
    "job.submitted": {
        "retry_of", "forked_from", "start_at", "priority", "authors", "labels", "extended",
    },
    "job.extended": {"parts", "failed_targets"},
    "attempt.started": {"lost"},
    "job.waiting": {"waits", "targets", "versions", "limit"},
    "job.approval_requested": {"until", "not_by_submitter"},
    "job.resumed": {"reason", "signal", "data"},
    "job.cancel_requested": {"reason"},
    "job.succeeded": {"result"},
    "job.failed": {"failed_targets", "attempts"},
    "job.cancelled": {"result"},
    "step.started": {"for", "until", "place", "input", "timeout", "retry", "span"},
    "step.output": {"left_out"},
    "step.succeeded": {"result"},
    "step.kept": {"result", "error", "reason"},
}  # fmt: skip
WAITS = {
    "job.waiting": {"targets", "limit", "kind", "timer", "retry", "signal"},
    "step.started": {"timer", "approval", "signal", "place"},
}


def corpus_events() -> Iterator[Event]:
    for name in histories.NAMES:
        yield from map(parse_stored, histories.read(name).texts)


def test_every_version_of_every_type_is_in_a_history() -> None:
    assert {(event.type, event.version) for event in corpus_events()} == RELEASED


def test_everything_that_an_event_may_say_is_in_a_history() -> None:
    said = defaultdict[str, set[str]](set)
    for event in corpus_events():
        for data in _waits_of(event):
            said[event.type] |= {name for name, value in data.items() if value}
    missing = {type_: names - said[type_] for type_, names in SOMETIMES.items()}
    assert {type_: names for type_, names in missing.items() if names} == {}


def test_everything_that_is_waited_for_is_in_a_history() -> None:
    found = defaultdict[str, set[str]](set)
    for event in corpus_events():
        found[event.type] |= {str(wait.get("for")) for wait in _waits_of(event)}
    missing = {type_: waits - found[type_] for type_, waits in WAITS.items()}
    assert {type_: waits for type_, waits in missing.items() if waits} == {}


def test_every_status_that_is_kept_is_in_a_history() -> None:
    kept = [event for event in corpus_events() if event.type == EventType.STEP_KEPT]
    assert {event.data["status"] for event in kept} == {"succeeded", "failed", "skipped"}


def test_every_scene_has_a_history_and_a_snapshot_of_its_page() -> None:
    assert SCENES.keys() <= set(histories.NAMES)
    snapshots = {path.name.partition(".")[0] for path in histories.FOLDER.glob("*.page.json")}
    assert snapshots == set(histories.NAMES)


def _waits_of(event: Event) -> list[dict[str, Any]]:
    """Return an event's data, and that of each thing that it waits for."""
    return [dict(event.data), *event.data.get("waits", ())]
