"""How a run goes through its targets: canaries first, then batch by batch. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from jobs.events.extensions import MOST_TARGETS
from jobs.kinds.kind import Group
from jobs.run.rollout import rollout_groups

# Types of the parameters that say how a run goes through its targets.
Targets = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(min_length=1, max_length=MOST_TARGETS, json_schema_extra={"x-choices": "targets"}),
]
OneOrMore = Annotated[int, Field(ge=1, le=MOST_TARGETS)]
NoneOrMore = Annotated[int, Field(ge=0, le=MOST_TARGETS)]
SIZES_SPELT_OUT = 6
NAMES_SPELT_OUT = 8


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Targets in their order, how many go at a time, and when to stop; `noun` is one of them.

    `pause`: somebody has to approve after the canaries; `by_other`: not the job's submitter.
    """

    targets: Sequence[str]
    batch: int
    canary: int
    max_failures: int
    noun: str = "target"
    pause: bool = False
    by_other: bool = False

    def groups(self) -> list[Group]:
        """Return the canaries, where there are any, and then the batches."""
        parts = rollout_groups(self.targets, self.batch, self.canary)
        first = parts[:1] if self.canary else []
        batches = enumerate(parts[len(first) :], start=1)
        named = [Group(f"batch {number}", names) for number, names in batches]
        return [*(Group("canary", names) for names in first), *named]

    def words(self) -> str:
        """Return the course in a few sentences.

        "12 servers in 4 batches: gs-001 first, then 4, 4, 3. Stops after 2 failures. If gs-001
        fails, it goes no further."
        """
        return " ".join(
            filter(None, [self._way_words(), self._approval_words(), self._patience_words()])
        )

    def count(self, number: int | None = None) -> str:
        """Return "12 servers", of all targets unless a number is given."""
        number = len(self.targets) if number is None else number
        return f"{number} {self.noun}{'' if number == 1 else 's'}"

    def _way_words(self) -> str:
        parts = self.groups()
        if len(self.targets) == 1:
            return f"{self.count()}: {self.targets[0]}."
        if len(parts) == 1:
            return f"{self.count()} at once."
        first = self._canary_names()
        sizes = _size_words([len(part.targets) for part in parts[1 if first else 0 :]])
        course = f"{self._first_words(first)} first, then {sizes}" if first else sizes
        return f"{self.count()} in {len(parts)} batches: {course}."

    def _patience_words(self) -> str:
        stops_after, canaries = self.max_failures + 1, self._canary_names()
        if len(self.targets) == 1:
            return ""
        if stops_after == 1:
            return "Stops after 1 failure."
        some = " or ".join(canaries) if len(canaries) <= 2 else f"one of the first {len(canaries)}"
        if stops_after >= len(self.targets):
            return f"Goes on whatever fails{f', unless it is {some}' if some else ''}."
        stops = f"Stops after {stops_after} failures."
        return f"{stops} If {some} fails, it goes no further." if some else stops

    def _approval_words(self) -> str:
        if not (self.pause and self._canary_names()):
            return ""
        who = "somebody other than the submitter" if self.by_other else "somebody"
        return f"After {self._first_words(self._canary_names())} {who} has to approve."

    def _canary_names(self) -> Sequence[str]:
        """Return the targets that go first and alone, if others come after them."""
        return self.targets[: self.canary] if self.canary < len(self.targets) else ()

    def _first_words(self, names: Sequence[str]) -> str:
        return " and ".join(names) if len(names) <= 2 else self.count(len(names))


def names_in_words(names: Sequence[str]) -> str:
    """Return "gs-001, gs-002", of many the first and how many more there are."""
    if len(names) <= NAMES_SPELT_OUT:
        return ", ".join(names)
    return f"{', '.join(names[:NAMES_SPELT_OUT])} and {len(names) - NAMES_SPELT_OUT} more"


def _size_words(sizes: Sequence[int]) -> str:
    if len(sizes) <= SIZES_SPELT_OUT:
        return ", ".join(map(str, sizes))
    full, last = sizes[0], sizes[-1]
    if last == full:
        return f"{len(sizes)} times {full}"
    return f"{len(sizes) - 1} times {full}, then {last}"
