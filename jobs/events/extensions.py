"""What does not fit into one event, as several: `job.extended`. Pure.

An event has at most 64 KiB, and a fleet's names may be several times that, once in the parameters
and once in the plan. The long lists of `job.submitted` are then empty, `data.extended` counts the
`job.extended` events that follow it in the same append, and each of these has parts of lists:
`{"at": ["params", "targets"], "items": [...]}`, to be added at the end of the list at that path.
The groups of a plan travel so too where they are too many, each as a whole.
Before a `job.failed` with too many `failed_targets` come `job.extended` events with the first ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from core.errors import InvalidParams
from core.records.pointers import join_pointer
from core.records.submission import submission_data
from jobs.events import EventType, NewEvent, one_line

# An event's body has 64 KiB; these leave room for what stands around the data.
WHOLE_BYTES, PART_BYTES = 60 * 1024, 48 * 1024
# Shorter lists stay where they are.
LONG_BYTES = 1024
# Of parameters without their long lists: the title, labels and the plan have the rest of the event.
MOST_PARAMS_BYTES = 32 * 1024
# Of one job, by whatever they are chosen.
MOST_TARGETS = 10_000
SPLIT_MEMBERS = ("params", "plan")
GROUPS = ("plan", "groups")

__all__ = [
    "check_fits", "count_extensions", "ending_events", "submission_data", "submission_events",
]  # fmt: skip

Data = Mapping[str, Any]
Path = tuple[str | int, ...]


def submission_events(data: Data) -> list[NewEvent]:
    """Return the events that say what is submitted, in their order; one unless it is too long."""
    if _value_size(data) <= WHOLE_BYTES:
        return [NewEvent(EventType.JOB_SUBMITTED, data)]
    short = deepcopy(dict(data))
    lists = [found for name in SPLIT_MEMBERS for found in _long_lists(short.get(name), (name,))]
    taken = [(path, _take_list(values)) for path, values in lists]
    if _value_size(short) > WHOLE_BYTES and (groups := (short.get("plan") or {}).get("groups")):
        taken.insert(0, (GROUPS, _take_list(groups)))  # before what is added to one of them
    chunks = _split_values(_split_lists(taken), PART_BYTES, apart=0)
    parts = [NewEvent(EventType.JOB_EXTENDED, {"parts": chunk}) for chunk in chunks]
    submitted = NewEvent(EventType.JOB_SUBMITTED, {**short, "extended": len(parts)})
    return [submitted, *parts]


def check_fits(params: Data) -> None:
    """Raise InvalidParams, pointing at the longest member, for parameters that no events can hold.

    Long lists of texts never are: they are split.
    """
    short = deepcopy(dict(params))
    for _path, values in list(_long_lists(short, ())):
        values.clear()
    if (size := _value_size(short)) <= MOST_PARAMS_BYTES:
        return
    name = max(short, key=lambda member: _value_size(short[member]))
    pointer = join_pointer([name])
    detail = f"This is too long: the parameters have {size:,} bytes of {MOST_PARAMS_BYTES:,}."
    raise InvalidParams([{"pointer": pointer, "detail": detail}])


def count_extensions(submitted: Data) -> int:
    """Return how many `job.extended` events complete a `job.submitted`."""
    count = submitted.get("extended", 0)
    return count if isinstance(count, int) else 0


def ending_events(ending: NewEvent) -> list[NewEvent]:
    """Return the events that end a job, `ending` last; one unless it blames too many targets."""
    *before, last = list(
        _split_values(ending.data.get("failed_targets") or [], PART_BYTES // 2)
    ) or [[]]
    if not before:
        return [ending]
    told = [NewEvent(EventType.JOB_EXTENDED, {"failed_targets": chunk}) for chunk in before]
    return [*told, replace(ending, data={**ending.data, "failed_targets": last})]


def _long_lists(value: Any, path: Path) -> Iterator[tuple[Path, list[Any]]]:
    """Yield the long lists of texts in a JSON value, each with its path."""
    match value:
        case Mapping():
            for name, member in value.items():
                yield from _long_lists(member, (*path, name))
        case list():
            if all(isinstance(item, str) for item in value):
                if _value_size(value) > LONG_BYTES:
                    yield path, value
                return
            for place, item in enumerate(value):
                yield from _long_lists(item, (*path, place))


def _take_list(values: list[Any]) -> list[Any]:
    """Return what is in a list, and leave nothing there."""
    taken = values.copy()
    values.clear()
    return taken


def _split_lists(lists: Iterable[tuple[Path, list[Any]]]) -> Iterator[dict[str, Any]]:
    for path, values in lists:
        for chunk in _split_values(values, PART_BYTES):
            yield {"at": list(path), "items": chunk}


def _split_values(values: Iterable[Any], most: int, apart: int = 1) -> Iterator[list[Any]]:
    """Yield the values in lists of at most so many bytes, though never less than one value.

    `apart` counts for what stands between two of them.
    """
    chunk: list[Any] = []
    room = most
    for value in values:
        size = _value_size(value) + apart
        if chunk and size > room:
            yield chunk
            chunk, room = [], most
        chunk.append(value)
        room -= size
    if chunk:
        yield chunk


def _value_size(value: Any) -> int:
    text = one_line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return len(text.encode(errors="replace"))
