"""A redacted record held against what its reader has besides: the original, or values left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.records.chain import split_hash
from core.records.record import Record, RecordInvalid
from core.records.redaction import Disclosure
from core.records.spans import is_covered


def compare_original(record: Record, original: Record) -> None:
    """Raise RecordInvalid at the first line of a redacted record that the original does not give.

    Beyond what a record's own checks show: that nothing was edited in the events that are redacted.
    """
    if record.header.get("job") != original.header.get("job"):
        raise RecordInvalid(1, "the original is of another job")
    if len(record.texts) != len(original.texts):
        raise RecordInvalid(1, "the original has another history: it is of another length")
    for seq, (text, whole) in enumerate(zip(record.texts, original.texts, strict=True), 1):
        if split_hash(text)[1] != split_hash(whole)[1]:
            raise RecordInvalid(seq + 1, f"the original has another history from event {seq} on")
        if seq in record.redacted:
            _compare_event(seq, json.loads(text), json.loads(whole))


def compare_disclosures(record: Record, lines: Iterable[str]) -> int:
    """Return how many values these disclosures open; ValueError at the first that opens none."""
    count = 0
    for count, line in enumerate(lines, 1):
        try:
            disclosure = Disclosure(**json.loads(line))
            known = record.redacted[disclosure.seq].values[disclosure.pointer]
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"Line {count} of the disclosures names no value here.") from error
        if known != disclosure.commitment:
            said = f"is not what event {disclosure.seq} had at {disclosure.pointer}"
            raise ValueError(f"Line {count} of the disclosures {said}.")
    return count


def _compare_event(seq: int, shown: dict[str, Any], whole: dict[str, Any]) -> None:
    values = shown.pop("redacted")
    del shown["check"]
    for pointer in values:
        holder, name = _find_value(seq, shown, pointer)
        other, _name = _find_value(seq, whole, pointer)
        if not _can_stand_for(holder[name], other[name]):
            raise RecordInvalid(seq + 1, f"event {seq} shows something else for {pointer}")
        holder[name] = other[name]
    if shown != whole:
        raise RecordInvalid(seq + 1, f"event {seq} differs in more than what was left out")


def _can_stand_for(shown: Any, value: Any) -> bool:
    if isinstance(shown, str) and isinstance(value, str):
        return is_covered(shown, value)
    return type(shown) is type(value) and not shown


def _find_value(seq: int, event: Mapping[str, Any], pointer: str) -> tuple[Any, Any]:
    """Return what holds the value at a pointer, and its name or index there."""
    place: Any = event
    *parts, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    try:
        for part in parts:
            place = place[int(part) if isinstance(place, list) else part]
        name = int(last) if isinstance(place, list) else last
        _ = place[name]
    except (ValueError, LookupError, TypeError):
        raise RecordInvalid(seq + 1, f"event {seq} has nothing at {pointer}") from None
    return place, name
