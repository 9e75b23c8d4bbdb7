"""Recorded states: what each event of a history changed of the state that it folds to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any
from uuid import UUID

from core.records.texts import one_line
from jobs.events import Event, first_hash, link_hash, parse
from jobs.events.fold import State, fold_event

Changes = dict[str, Any]


def recorded_states(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the state after each event of a history, from zero, as JSON objects."""
    state = State()
    for text in texts:
        state = fold_event(state, parse(text))
        yield state.as_dict()


def recorded_changes(texts: Iterable[str]) -> Iterator[str]:
    """Yield, a line an event, what the event changed of the state, as JSON (`state_changes`)."""
    for changes in state_changes(map(parse, texts)):
        yield one_line(json.dumps(changes, ensure_ascii=False))


def state_changes(events: Iterable[Event]) -> Iterator[Changes]:
    """Yield what each event of a history, from the first on, changes of the state.

    The whole state at every seq would grow with the square of a history; the changes say as much:
    `{"summary": {…the members that changed…}, "steps": [the steps that changed]}`.
    """
    state, summary = State(), dict[str, Any]()
    for event in events:
        before, state = state, fold_event(state, event)
        now = state.summary.as_dict()
        changed = {name: value for name, value in now.items() if summary.get(name, ...) != value}
        yield {"summary": changed, "steps": list(_moved_steps(before, state))}
        summary = now


def _moved_steps(before: State, now: State) -> Iterator[dict[str, Any]]:
    # A step that did not move is the same object: most are, and a fleet has thousands.
    for step, was in zip_longest(now.steps.values(), before.steps.values()):
        if step is not was and step != was:
            yield step.as_dict()


def broken_at(job_id: UUID, texts: Iterable[str]) -> int | None:
    """Return the first seq at which a history's chain does not hold; None if it does."""
    previous: bytes | None = first_hash(job_id)
    for seq, text in enumerate(texts, start=1):
        previous = link_hash(previous, seq, text) if previous else None
        if previous is None:
            return seq
    return None
