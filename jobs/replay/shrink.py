"""Shrinking: a history that fails is reduced to a small one that fails the same way.

What is left out is structural: whole targets, the end, whole steps, single events of the job. Each
candidate is a history that could have been recorded: its events are legal, numbered and chained.
(Delta debugging: Zeller and Hildebrandt, https://doi.org/10.1109/32.988498.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import RepriseError
from core.files import whole_file
from jobs.events import Event, first_hash, make_body, next_hash, parse_stored, with_hash
from jobs.events.fold import State, fold_all
from jobs.replay.handler import AnyKind, replay_handler
from jobs.replay.history import History, load_history

Failure = Callable[[History], Hashable | None]
"""How a history fails; None if it does not. Shrinking keeps what this returns."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is left out together: events by seq, and a target that the params name."""

    seqs: frozenset[int]
    target: str | None = None


def handler_failure(kind: AnyKind | None = None) -> Failure:
    """Return what tells how a handler parts from a history."""

    def failure(history: History) -> Hashable | None:
        found = replay_handler(history, kind)
        return found and (found.step, found.target, found.recorded, found.asked)

    return failure


def shrink_history(history: History, failure: Failure) -> History:
    """Return a history that fails as this one does, of which no unit can be left out.

    Of a history that does not fail, itself.
    """
    wanted = failure(history)
    if wanted is None:
        return history

    def fails(candidate: History | None) -> bool:
        return candidate is not None and failure(candidate) == wanted

    history = _leave_out(history, _target_units(history.events), fails)
    history = _cut_end(history, fails)
    for units_of in (_step_units, _event_units):
        history = _leave_out(history, units_of(history.events), fails)
    return history


def shrink_file(path: Path, failure: Failure) -> Path:
    """Shrink the history in a file, and return the file beside it: NAME.shrunk.ndjson."""
    shrunk = shrink_history(load_history(path), failure)
    beside = path.with_suffix(".shrunk.ndjson")
    with whole_file(beside) as file:
        file.writelines(f"{text}\n".encode() for text in shrunk.texts)
    return beside


def _cut_end(history: History, fails: Callable[[History | None], bool]) -> History:
    size = len(history.texts) // 2
    while size:
        length = len(history.texts) - size
        shorter = _without(history, [_Unit(frozenset(range(length + 1, len(history.texts) + 1)))])
        if length and shorter is not None and fails(shorter):
            history = shorter
        else:
            size //= 2
    return history


def _leave_out(
    history: History, units: Sequence[_Unit], fails: Callable[[History | None], bool]
) -> History:
    """Leave out as many units as can be, in parts that become smaller."""
    left_out, rest = list[_Unit](), list(units)
    found, size = history, len(rest)
    while size:
        place = 0
        while place < len(rest):
            part = rest[place : place + size]
            fewer = _without(history, [*left_out, *part])
            if fewer is not None and fails(fewer):
                found, left_out = fewer, [*left_out, *part]
                del rest[place : place + size]
            else:
                place += size
        size //= 2
    return found


def _target_units(events: Iterable[Event]) -> list[_Unit]:
    by_target: dict[str, set[int]] = {}
    for event in events:
        if event.target is not None:
            by_target.setdefault(event.target, set()).add(event.seq)
    return [_Unit(frozenset(seqs), target) for target, seqs in by_target.items()]


def _step_units(events: Iterable[Event]) -> list[_Unit]:
    by_step: dict[tuple[Any, ...], set[int]] = {}
    for event in events:
        if event.step is not None:
            key = (event.step, event.target, event.data.get("occurrence"))
            by_step.setdefault(key, set()).add(event.seq)
    return [_Unit(frozenset(seqs)) for seqs in by_step.values()]


def _event_units(events: Iterable[Event]) -> list[_Unit]:
    return [_Unit(frozenset({event.seq})) for event in events if event.step is None]


def _without(history: History, units: Sequence[_Unit]) -> History | None:
    """Return a history without these units; None where it could not have been recorded."""
    seqs = frozenset[int]().union(*(unit.seqs for unit in units))
    targets = {unit.target for unit in units if unit.target is not None}
    kept = [parse_stored(text) for text in history.texts]
    kept = [event for event in kept if event.seq not in seqs]
    texts, previous = list[str](), first_hash(history.job)
    for seq, event in enumerate(kept, 1):
        body, raw = make_body(replace(event, seq=seq, data=_without_targets(event.data, targets)))
        previous = next_hash(previous, raw)
        texts.append(with_hash(body, previous))
    made = History(history.job, history.kind, tuple(texts), {})
    try:
        fold_all(State(), made.events)
    except (RepriseError, ValueError, TypeError, LookupError):
        return None
    return made if texts else None


def _without_targets(value: Any, targets: set[str]) -> Any:
    """Return a JSON value without these targets in its lists, such as the params'."""
    match value:
        case dict():
            return {name: _without_targets(member, targets) for name, member in value.items()}
        case list():
            left = [item for item in value if not (isinstance(item, str) and item in targets)]
            return [_without_targets(item, targets) for item in left]
    return value
