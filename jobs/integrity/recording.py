"""Recorded histories: a job's log as NDJSON, and the state that it folds to at every seq."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any
from uuid import UUID

from jobs.events import first_hash, next_hash, one_line, parse, parse_stored, split_hash
from jobs.events.fold import State, fold_event


def recorded_states(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the state after each event of a history, from zero, as JSON objects."""
    state = State()
    for text in texts:
        state = fold_event(state, parse(text))
        yield state.as_dict()


def recorded_changes(texts: Iterable[str]) -> Iterator[str]:
    """Yield, a line an event, what the event changed of the state, as JSON.

    The whole state at every seq would grow with the square of a history; the changes say as much:
    `{"summary": {…the members that changed…}, "steps": [the steps that changed]}`.
    """
    summary: dict[str, Any] = {}
    steps: list[dict[str, Any]] = []
    for state in recorded_states(texts):
        now: list[dict[str, Any]] = state.pop("steps")
        changed = {key: value for key, value in state.items() if summary.get(key, ...) != value}
        moved = [step for step, was in zip_longest(now, steps) if step != was]
        line = json.dumps({"summary": changed, "steps": moved}, ensure_ascii=False)
        yield one_line(line)
        summary, steps = state, now


def broken_at(job_id: UUID, texts: Iterable[str]) -> int | None:
    """Return the first seq at which a history's chain does not hold; None if it does."""
    previous = first_hash(job_id)
    for seq, text in enumerate(texts, start=1):
        body, digest = split_hash(text)
        previous = next_hash(previous, body.encode())
        if previous.hex() != digest or parse_stored(text).seq != seq:
            return seq
    return None
