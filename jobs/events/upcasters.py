"""Upcasters: what an old event's data is in the words of today's version of its type.

A type's version is raised when its `data` changes so that a reader of the old would misread the
new. From then on the old is brought up on reading, a version at a time (`jobs.events.parse`); the
stored text, its hash and the wire stay as they were. Upcasters are pure, look at the data alone,
and are never changed once released: they describe history. The TypeScript follower has the same
ones in `frontend/src/client/upcast.ts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]
Upcaster = Callable[[Data], Data]


def _submitted_1(data: Data) -> Data:
    """Make `total` what the run counts to, in its own units.

    In version 1 it was the number of targets that the plan names, where it was there at all: 0 for
    a load of so many steps that its plan leaves them out.
    """
    groups = data.get("plan", {}).get("groups", ())
    planned = sum(len(group["targets"]) for group in groups)
    if not planned and data.get("kind") == "load":
        planned = data.get("params", {}).get("steps", 0)
    return {**data, "total": data.get("total") or planned}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {("job.submitted", 1): _submitted_1}
"""By type and version, what makes the next version's data of that version's."""


def version_of(type_: str) -> int:
    """Return the version in which events of a type are written today."""
    return _NEWEST.get(type_, 1)


class NoUpcaster(LookupError):
    """An upcaster of an old version is gone: logs that have it cannot be read."""


def upcast_data(type_: str, version: int, data: Data) -> Data:
    """Return the data of an event of this version as the newest version has it.

    NoUpcaster if there is none from a version on the way.
    """
    for old in range(version, version_of(type_)):
        upcast = UPCASTERS.get((type_, old))
        if upcast is None:
            raise NoUpcaster(f"there is no upcaster from version {old} of {type_}")
        data = upcast(data)
    return data


_NEWEST = {type_: 1 + max(old for t, old in UPCASTERS if t == type_) for type_, _ in UPCASTERS}
