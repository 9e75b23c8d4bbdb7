"""What a fork keeps: beginnings of rows, never what was put back, never an approval."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.events import Event, EventType
from jobs.events.fold import State, fold_all
from jobs.events.kept_steps import (
    KeptRow,
    RecordedStep,
    keep_recorded,
    keep_succeeded,
    kept_event,
    recorded_steps,
)
from jobs.events.patches import patch_step
from jobs.run.replay import Replay

MOMENT = "2026-11-22T09:00:00.000000Z"
OUTCOMES = {"+": "succeeded", "!": "failed", "-": "skipped", "~": "retried"}


def log_of(*said: str) -> list[Event]:
    """Return the events of steps, each "target.name" with its outcome: "a.go+", "b.look!", ".now+".

    Without an outcome it does not end; "?+" asks for an approval first. An event is one step's
    whole, unless it only "<"begins or ">"ends: "<.a" … ">.a+".
    """
    events: list[Event] = []
    for one in said:
        only, text = (one[0], one[1:]) if one[0] in "<>" else ("", one)
        outcome = OUTCOMES.get(text[-1])
        text = text.rstrip("".join(OUTCOMES))
        asks, text = text.endswith("?"), text.rstrip("?")
        target, _, rest = text.partition(".")
        name, _, occurrence = rest.partition("#")
        data = {"try": 1, "occurrence": int(occurrence or 1)}
        began = {**data, "for": "approval"} if asks else data
        if only != ">" and outcome != "skipped":
            events.append(event(len(events) + 1, "started", name, target, began))
        if only != "<" and outcome:
            ended = {**data, "seconds": 1.5, "result": len(events) + 1}
            events.append(event(len(events) + 1, outcome, name, target, ended))
    return events


def event(seq: int, what: str, name: str, target: str, data: dict[str, Any]) -> Event:
    type_ = EventType(f"step.{what}")
    return Event(seq, type_, 1, MOMENT, "worker:a", 1, name, target or None, data)


def names(rows: list[KeptRow]) -> dict[str | None, tuple[list[str], str | None]]:
    return {
        row.target: (
            [f"{step.name}#{step.key[2]}".removesuffix("#1") for step in row.kept],
            row.again.name if row.again else None,
        )
        for row in rows
    }


@pytest.mark.parametrize(
    ("said", "kept", "again"),
    [
        (["a.go+", "a.look+"], ["go", "look"], None),
        (["a.go+", "a.look!"], ["go"], "look"),
        (["a.go+", "a.look"], ["go"], "look"),
        (["a.go+", "a.look~"], ["go"], "look"),
        (["a.go+", "a.look-"], ["go"], None),
        (["a.go+", "a.see-", "a.look+"], ["go", "see", "look"], None),
        # What was put back runs again, from the first that was.
        (["a.see+", "a.go+", "a.look!", "a.undo go+"], ["see"], "go"),
        (["a.see+", "a.go+", "a.look!", "a.undo look+", "a.undo go!"], ["see"], "go"),
        (["a.see+", "a.go+", "a.undo go+"], ["see"], "go"),
        # What cannot be told apart runs again as a whole.
        (["a.see+", "a.go+", "a.look!", "a.rollback+"], [], "see"),
        (["a.see+", "a.go+", "a.rollback+"], [], "see"),
        (["a.see+", "a.go!", "a.tidy+"], [], "see"),
        (["a.see+", "a.undo everything+"], [], "see"),
        # A step that was called again and went well has not failed.
        (["a.go!", "a.go#2+", "a.look+"], ["go", "go#2", "look"], None),
        (["a.go!", "a.go#2+", "a.look!"], ["go", "go#2"], "look"),
    ],
)
def test_a_target_goes_on_from_its_failed_step(
    said: list[str], kept: list[str], again: str | None
) -> None:
    rows = keep_succeeded(recorded_steps(log_of(*said)))
    assert names(rows) == {"a": (kept, again)}


def test_each_target_has_a_row_of_its_own() -> None:
    rows = keep_succeeded(recorded_steps(log_of(".now+", "a.go+", "b.go+", "a.look!", "b.look+")))
    assert names(rows) == {
        None: (["now"], None),
        "a": (["go"], "look"),
        "b": (["go", "look"], None),
    }


def test_an_approval_is_never_kept_and_what_follows_it_is() -> None:
    said = [".now+", ".gate?+", ".uuid+", "a.go!"]
    for keep in (keep_recorded, keep_succeeded):
        assert names(keep(recorded_steps(log_of(*said))))[None] == (["now", "uuid"], None)
    refused = [".now+", ".gate?!", ".tidy+"]
    assert names(keep_recorded(recorded_steps(log_of(*refused)))) == {None: (["now"], "gate")}


def test_a_patch_is_kept_whatever_else_is() -> None:
    """Without it the handler would ask for other steps than those that are kept."""
    events = log_of(".see+", ".look!", ".tidy+", "a.go+")
    step, result = patch_step("go twice")
    took = event(len(events) + 1, "succeeded", step, "", {"occurrence": 1, "result": result})
    rows = keep_succeeded(recorded_steps([*events, took]))
    assert names(rows) == {None: (["patched go twice"], "see"), "a": (["go"], None)}


def test_what_ran_beside_a_failed_step_without_a_target_is_kept() -> None:
    said = ["<.a", "<.b", ">.a!", ">.b+"]
    assert names(keep_succeeded(recorded_steps(log_of(*said)))) == {None: (["b"], "a")}
    # On a target the record has an order, which a later step alone would break.
    said = ["<t.a", "<t.b", ">t.a!", ">t.b+"]
    assert names(keep_succeeded(recorded_steps(log_of(*said)))) == {"t": ([], "a")}


def test_up_to_a_seq_all_is_kept_as_it_ended() -> None:
    said = ["a.go+", "a.look!", "a.undo go+", "b.go+", "b.look"]
    assert names(keep_recorded(recorded_steps(log_of(*said)))) == {
        "a": (["go", "look", "undo go"], None),
        "b": (["go"], "look"),
    }


def test_a_kept_step_has_what_was_recorded_and_can_be_kept_again() -> None:
    [step] = recorded_steps(log_of("a.go+"))
    kept = kept_event(step)
    assert (kept.type, kept.step, kept.target) == ("step.kept", "go", "a")
    assert kept.data == {
        "try": 1, "occurrence": 1, "seconds": 1.5, "result": 2, "status": "succeeded", "seq": 2,
    }  # fmt: skip
    again = recorded_steps([event(7, "kept", "go", "a", dict(kept.data))])
    assert kept_event(again[0]).data == {**kept.data, "seq": 7}
    with pytest.raises(ValueError, match="has not ended"):
        kept_event(RecordedStep(("go", "a", 1), 1))


NAMES = ["go", "look", "undo go", "rollback"]
PLACES = [f"{target}.{name}" for target in ("", "a", "b") for name in NAMES]
STEPS = st.sampled_from([f"{one}{end}" for one in [*PLACES, ".gate?"] for end in ["", *OUTCOMES]])


@given(st.lists(STEPS, max_size=12), st.sampled_from([keep_recorded, keep_succeeded]))
def test_what_is_kept_folds_to_the_recorded_results_and_is_served_in_order(
    said: list[str], keep: Any
) -> None:
    """The fork's steps are the source's, each row is a beginning, and a replay serves it."""
    counts: dict[str, int] = {}
    numbered = []
    for one in said:
        name = one.rstrip("".join(OUTCOMES))
        counts[name] = counts.get(name, 0) + 1
        ask = name.endswith("?")
        outcome = one[len(name) :]
        numbered.append(f"{name.rstrip('?')}#{counts[name]}{'?' if ask else ''}{outcome}")
    recorded = recorded_steps(log_of(*numbered))
    rows = keep(recorded)
    kept = [step for row in rows for step in row.kept]
    assert not any(step.asks for step in kept)
    new = [kept_event(step) for step in sorted(kept, key=lambda step: step.began)]
    submitted = Event(1, "job.submitted", 2, MOMENT, "user:a", 0, None, None, {})
    told = [
        Event(seq, one.type, 1, submitted.at, "user:a", 0, one.step, one.target, one.data)
        for seq, one in enumerate(new, 2)
    ]
    state = fold_all(State(), [submitted, *told])
    for step in kept:
        folded = state.steps[step.key]
        assert (folded.status, folded.kept, folded.tries) == (step.status, step.end, 1)
        assert step.ended is not None
        assert folded.result == step.ended.data.get("result")
    replay = Replay(state.steps)
    assert replay.first_step is None
    for step in recorded:
        ordered = step in kept and step.key[1] is not None
        _, served = replay.next_call(step.name, step.key[1], strict=ordered)
        assert (served is not None) == (step in kept)
    replay.check_complete()
