"""What snapshots keep: a state comes back from JSON, and from its changes, exactly."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.events import Event, EventType
from jobs.events.fold import State, StepState, Summary, fold_all
from jobs.log.snapshots import changed_steps, laid_over

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), json_values, max_size=3)
names = st.sampled_from(["fetch", "switch", "restart"])
maybe = st.none() | st.text(max_size=5)

steps = st.builds(
    StepState, names, maybe, st.integers(1, 3), st.text(), st.integers(), st.integers(), maybe,
    maybe, st.none() | st.floats(allow_nan=False), st.none() | objects, json_values,
)  # fmt: skip
summaries = st.builds(
    Summary, status=st.text(), done=st.integers(), head=st.integers(), last_at=maybe,
    waiting_for=st.lists(objects, max_size=3).map(tuple),
)  # fmt: skip


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def exactly(state: State) -> str:
    """Return a state so that nothing of it is lost: types, order of steps and of members."""
    return repr((state.summary, list(state.steps.items())))


@given(summaries, st.lists(steps))
def test_a_state_comes_back_from_json_as_it_was(summary: Summary, found: list[StepState]) -> None:
    state = State(summary, {step.key: step for step in found})
    whole = laid_over(
        through_json(summary.as_dict()), [through_json(changed_steps(State(), state))]
    )
    assert exactly(whole) == exactly(state)


ends = st.sampled_from([EventType.STEP_STARTED, EventType.STEP_SUCCEEDED, EventType.STEP_FAILED])
moves = st.tuples(ends, names, st.sampled_from(["a", "b", None]), st.integers(1, 2))


def event(
    seq: int, type: str, step: str | None = None, target: str | None = None, n: int = 1
) -> Event:
    at = f"2026-11-22T09:00:00.{seq:06}Z"
    return Event(seq, type, 1, at, "w", 1, step, target, {"occurrence": n, "result": seq}, "00")


@given(st.lists(moves, max_size=30), st.integers(1, 7))
def test_changes_laid_over_each_other_are_the_state_at_every_seq(
    run: list[tuple[EventType, str, str | None, int]], every: int
) -> None:
    events = [event(1, "job.submitted"), event(2, "attempt.started")]
    events += [event(seq, *move) for seq, move in enumerate(run, start=3)]
    kept = state = State()
    rows: list[Any] = []
    for one in events:
        state = fold_all(state, [one])
        if one.seq % every == 0:
            rows.append(through_json(changed_steps(kept, state)))
            kept = laid_over(through_json(state.summary.as_dict()), rows)
            assert exactly(kept) == exactly(state)
            assert len(rows[-1]) <= every
            state = kept
