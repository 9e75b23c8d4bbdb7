"""Tests of the fold replay: each mistake in today's fold is found, and the message names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.events import Event, parse, recording
from jobs.events import fold as fold_module
from jobs.events.fold import State
from jobs.events.upcasters import UPCASTERS
from jobs.replay.fold import Difference, replay_fold
from jobs.replay.history import HistoryInvalid, parse_history
from tests.replay import histories

pytestmark = pytest.mark.replay


def replayed(name: str) -> Difference | None:
    recorded = histories.read(name)
    return replay_fold(parse_history(recorded.texts, recorded.job), recorded.changes)


def moving_events() -> list[tuple[str, str]]:
    """Return each type of event that moves more than the head, with a history that has it."""
    found: dict[str, str] = {}
    for name in histories.NAMES:
        events = [parse(text) for text in histories.read(name).texts]
        for event, changes in zip(events, recording.state_changes(events), strict=True):
            if changes["steps"] or changes["summary"].keys() - {"head", "head_hash", "last_at"}:
                found.setdefault(event.type, name)
    return sorted(found.items())


def test_there_are_events_of_many_types() -> None:
    assert {"job.paused", "job.progressed", "step.started", "step.succeeded"} <= dict(
        moving_events()
    ).keys()


@pytest.mark.parametrize(("type_", "name"), moving_events())
def test_a_fold_that_ignores_a_type_is_found(
    type_: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold_event = fold_module.fold_event

    def ignore_type(state: State, event: Event) -> State:
        if event.type != type_:
            return fold_event(state, event)
        summary = replace(state.summary, head=event.seq, head_hash=event.hash, last_at=event.at)
        return replace(state, summary=summary)

    monkeypatch.setattr(recording, "fold_event", ignore_type)
    found = replayed(name)
    assert found is not None
    assert found.event == type_
    assert f"Today's fold ignores {type_}" in str(found)


def test_the_first_difference_says_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fold_module._STEP_STATUS, "step.succeeded", "failed")
    found = replayed("all-well")
    assert found is not None
    assert str(found).splitlines() == [
        "Event 5, step.succeeded: today's fold differs from the recorded state.",
        "  step preflight on gs-001: status",
        '    recorded: "succeeded"',
        '    today:    "failed"',
    ]


def test_a_fold_that_refuses_what_it_took_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fold_module.LEGAL, "job.paused", frozenset())
    found = replayed("steered")
    assert found is not None
    assert (found.seq, found.event) == (4, "job.paused")
    assert "The job is running: job.paused is not possible now." in str(found)
    assert "Today's fold refuses an event" in str(found)


def test_an_upcaster_that_does_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTERS, ("job.submitted", 1), lambda data: data)
    found = replayed("stopped-load-v1")
    assert found is not None
    assert (found.seq, found.member, found.recorded, found.folded) == (1, "total", "300", "0")
    assert "which upcasters make version 2 of" in str(found)


def test_an_upcaster_that_is_gone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(UPCASTERS, ("job.submitted", 1))
    with pytest.raises(HistoryInvalid, match=r"no upcaster from version 1 of job.submitted"):
        replayed("stopped-load-v1")


@pytest.mark.parametrize(("fewer", "said"), [(0, 1), (3, 4)])
def test_states_that_are_cut_off_are_found(fewer: int, said: int) -> None:
    recorded = histories.read("steered")
    history = parse_history(recorded.texts, recorded.job)
    found = replay_fold(history, recorded.changes[:fewer])
    assert found is not None
    assert found.seq == said
    found = replay_fold(history, [*recorded.changes, recorded.changes[-1]])
    assert found is not None
    assert found.seq == len(recorded.texts) + 1
