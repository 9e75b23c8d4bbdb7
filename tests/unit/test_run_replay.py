"""What a run has recorded beside what its handler asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.events.fold import StepKey, StepState
from jobs.run import Diverged
from jobs.run.replay import Replay

names = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["gs-1", "gs-2", None])))


def recorded(calls: list[tuple[str, str | None]]) -> dict[StepKey, StepState]:
    """Return the steps that these calls have left."""
    seen: dict[StepKey, StepState] = {}
    for name, target in calls:
        occurrence = 1 + sum(1 for key in seen if key[:2] == (name, target))
        seen[name, target, occurrence] = StepState(name, target, occurrence, "succeeded", 1, 1)
    return seen


@given(names, names)
def test_the_same_calls_and_more_fit(
    before: list[tuple[str, str | None]], more: list[tuple[str, str | None]]
) -> None:
    replay = Replay(recorded(before))
    for name, target in before:
        assert replay.next_call(name, target, strict=True)[1] is not None
    replay.check_complete()
    assert replay.is_used_up
    for name, target in more:
        assert replay.next_call(name, target, strict=True)[1] is None


@given(names.filter(bool), st.data())
def test_whoever_stops_early_is_told(
    calls: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    replay = Replay(recorded(calls))
    for name, target in calls[: data.draw(st.integers(0, len(calls) - 1))]:
        replay.next_call(name, target, strict=True)
    assert not replay.is_used_up
    with pytest.raises(Diverged, match="cannot end"):
        replay.check_complete()


def test_what_a_fork_keeps_need_not_be_asked_for_first() -> None:
    own, kept = recorded([("a", "gs-1"), ("a", "gs-2")]).values()
    replay = Replay({own.key: own, kept.key: replace(kept, kept=7)})
    used_up = [replay.is_used_up]
    for call in (("a", "gs-1"), ("a", "gs-2"), ("b", "gs-2")):
        replay.next_call(*call, strict=True)
        used_up.append(replay.is_used_up)
    assert used_up == [False, True, True, True]


@given(names, names)
def test_in_each_row_only_the_recorded_order_fits(
    before: list[tuple[str, str | None]], after: list[tuple[str, str | None]]
) -> None:
    replay = Replay(recorded(before))
    fits = True
    try:
        for name, target in after:
            replay.next_call(name, target, strict=True)
        replay.check_complete()
    except Diverged:
        fits = False
    rows = {target for _, target in before}
    assert fits == all(
        row(after, target)[: len(row(before, target))] == row(before, target) for target in rows
    )


def row(calls: list[tuple[str, str | None]], target: str | None) -> list[str]:
    return [name for name, where in calls if where == target]
