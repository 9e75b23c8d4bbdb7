"""Fold replay: today's fold of an old history, held against the states that were recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from core.errors import RepriseError
from jobs.events import Event, parse_stored
from jobs.events.fold import Summary
from jobs.events.recording import Changes, state_changes
from jobs.replay.history import History

# What every event changes of the row, whatever it is.
_ALWAYS = frozenset({"head", "head_hash", "last_at"})
_AT_FIRST = Summary().as_dict()
_CANNOT_FOLD = (RepriseError, ValueError, TypeError, LookupError, AttributeError)
_UNCHANGED = "(as before)"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event after which today's state is not the recorded one.

    `member` is of the job's row (`status`) or of a step (`step restart on gs-007: status`);
    `recorded` and `folded` are what it became, as JSON. `cause` says what that hints at, "" if
    nothing.
    """

    seq: int
    event: str
    member: str
    recorded: str
    folded: str
    cause: str = ""

    def __str__(self) -> str:
        lines = [
            f"Event {self.seq}, {self.event}: today's fold differs from the recorded state.",
            f"  {self.member}",
            f"    recorded: {self.recorded}",
            f"    today:    {self.folded}",
        ]
        return "\n".join([*lines, *([self.cause] if self.cause else [])])


def replay_fold(history: History, changes: Iterable[str]) -> Difference | None:
    """Compare today's fold of a history with the recorded changes, at every seq.

    `changes` are the lines that `recorded_changes` made of the history when it was recorded, with
    or without line breaks. Returns the first difference, None if there is none.
    """
    recorded = (line for line in changes if line.strip())
    for seq, (now, then) in enumerate(zip_longest(_folded(history), recorded), 1):
        if isinstance(now, Difference):
            return now
        if now is None or then is None:
            return _different_length(history, seq)
        was: Changes = json.loads(then)
        if now != was:
            return _describe_change(history, seq, was, now)
    return None


def _folded(history: History) -> Iterator[Changes | Difference]:
    """Yield what each event changes; last of all, where today's fold refuses an event, that."""
    folded = 0
    try:
        for changes in state_changes(history.events):
            yield changes
            folded += 1
    except _CANNOT_FOLD as error:
        said = str(error) or repr(error)
        event = history.events[folded]
        refused = "Today's fold refuses an event that was folded when it was recorded."
        yield Difference(event.seq, event.type, "the event", "folded", said, refused)


def _different_length(history: History, seq: int) -> Difference:
    if seq > len(history.texts):
        return Difference(seq, "no event", "the event", "there was one", "there is none")
    said = f"The recorded states end at {seq - 1}: they are of another history, or cut off."
    return Difference(seq, history.events[seq - 1].type, "the state", "none", "one", said)


def _describe_change(history: History, seq: int, was: Changes, now: Changes) -> Difference:
    event = history.events[seq - 1]
    for member, recorded, folded in chain(
        _different_members(was["summary"], now["summary"], ""), _different_steps(was, now)
    ):
        cause = _find_cause(history, event, was, now)
        return Difference(seq, event.type, member, _shown(recorded), _shown(folded), cause)
    return Difference(seq, event.type, "order of the steps", _shown(was["steps"]),
                      _shown(now["steps"]))  # fmt: skip


def _different_members(
    was: Mapping[str, Any], now: Mapping[str, Any], place: str
) -> Iterator[tuple[str, Any, Any]]:
    for name in {**was, **now}:
        recorded, folded = was.get(name, ...), now.get(name, ...)
        if recorded != folded:
            yield f"{place}{name}", recorded, folded


def _different_steps(was: Changes, now: Changes) -> Iterator[tuple[str, Any, Any]]:
    recorded, folded = _by_place(was["steps"]), _by_place(now["steps"])
    for place in {**recorded, **folded}:
        yield from _different_members(recorded.get(place, {}), folded.get(place, {}), f"{place}: ")


def _by_place(steps: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {_place_of(step): step for step in steps}


def _place_of(step: Mapping[str, Any]) -> str:
    on = f" on {step['target']}" if step["target"] is not None else ""
    number = f" no. {step['occurrence']}" if step["occurrence"] > 1 else ""
    return f"step {step['step']}{number}{on}"


def _find_cause(history: History, event: Event, was: Changes, now: Changes) -> str:
    """Say what the difference comes from, where that shows."""
    if _moves_state(was) and not _moves_state(now):
        return f"Today's fold ignores {event.type}: see jobs/events/fold.py."
    stored = parse_stored(history.texts[event.seq - 1]).version
    if stored == event.version:
        return ""
    return (
        f"The event is of version {stored}, which upcasters make version {event.version} of:"
        " see jobs/events/upcasters.py."
    )


def _moves_state(changes: Changes) -> bool:
    """Return whether an event moves more than the head; the changes of the first name all."""
    moved = (_AT_FIRST.get(name, ...) != value for name, value in changes["summary"].items()
             if name not in _ALWAYS)  # fmt: skip
    return bool(changes["steps"]) or any(moved)


def _shown(value: Any) -> str:
    return _UNCHANGED if value is ... else json.dumps(value, ensure_ascii=False)
