"""Two runs beside each other: what was asked of them, and what became of each step. Pure.

Steps are the same where their name, target and occurrence are. What makes two runs different is
what was asked and how it ended. How long it took, how many attempts there were and what steps
returned (moments, mostly, and drawn numbers) differ from run to run and do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.records.pointers import escape_part
from jobs.events.fold import State, StepState

# A value that is not there, where null could be one.
_MISSING = object()


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """What differs at a place of the parameters: a list of values on either side, mostly of one.

    There is none where the place is not there. Of two lists of plain values it is what only that
    one has (`is_items`).
    """

    pointer: str
    left: Sequence[Any]
    right: Sequence[Any]
    is_items: bool = False


@dataclass(frozen=True, slots=True)
class StepPair:
    """A step of two runs; None in the one that has none. `differs`: the members that differ."""

    left: StepState | None
    right: StepState | None
    differs: tuple[str, ...] = ()

    @property
    def any(self) -> StepState:
        """The step, of whichever run has it."""
        found = self.left or self.right
        if found is None:
            raise ValueError("a pair of no steps")
        return found

    @property
    def is_aligned(self) -> bool:
        """Whether both runs have it."""
        return self.left is not None and self.right is not None

    @property
    def is_same(self) -> bool:
        """Whether both runs have it, and it ended in the same way."""
        return self.is_aligned and not self.differs


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs have in common, and what not.

    `outcome`: which of kind and status differ. `steps`: those that differ, then those that only one
    run has, then the others; each in the order of the first run, then of the second.
    """

    outcome: tuple[str, ...]
    parameters: tuple[ValueDifference, ...]
    steps: tuple[StepPair, ...]

    @property
    def first(self) -> StepPair | None:
        """The first difference among steps: of those that both have, before those of one run."""
        return self.steps[0] if self.steps and not self.steps[0].is_same else None

    @property
    def is_same(self) -> bool:
        """Whether nothing differs but times."""
        return not self.outcome and not self.parameters and self.first is None

    @property
    def counts(self) -> dict[str, int]:
        """How many steps are the same, differ, and are in one run only."""
        counts = dict.fromkeys(("same", "different", "only_left", "only_right"), 0)
        for pair in self.steps:
            if pair.is_aligned:
                counts["different" if pair.differs else "same"] += 1
            else:
                counts["only_left" if pair.left else "only_right"] += 1
        return counts


@dataclass(frozen=True, slots=True)
class Run:
    """One of two runs: its kind, its parameters, and its state."""

    kind: str
    params: Mapping[str, Any]
    state: State


def compare_runs(left: Run, right: Run) -> Comparison:
    """Return what two runs have in common, and what not."""
    sides = [{"kind": run.kind, "status": run.state.summary.status} for run in (left, right)]
    return Comparison(
        outcome=tuple(name for name in sides[0] if sides[0][name] != sides[1][name]),
        parameters=tuple(compare_values(left.params, right.params)),
        steps=tuple(sorted(_pair_steps(left.state, right.state), key=_rank)),
    )


def compare_values(left: Any, right: Any, pointer: str = "") -> Iterator[ValueDifference]:
    """Yield where two JSON values differ, as deep as both are objects."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in dict.fromkeys([*left, *right]):
            place = f"{pointer}/{escape_part(name)}"
            yield from compare_values(left.get(name, _MISSING), right.get(name, _MISSING), place)
    elif not _is_equal(left, right):
        yield _items_difference(pointer, left, right) or ValueDifference(
            pointer, _given(left), _given(right)
        )


def _items_difference(pointer: str, left: Any, right: Any) -> ValueDifference | None:
    """Return what only one of two lists of plain values has; None if that says nothing of them."""
    if not (_is_plain_list(left) and _is_plain_list(right)):
        return None
    ours, theirs = ({(type(one), one): one for one in values} for values in (left, right))
    only_left = [one for key, one in ours.items() if key not in theirs]
    only_right = [one for key, one in theirs.items() if key not in ours]
    if not only_left and not only_right:
        return None  # another order, or a repeated item
    return ValueDifference(pointer, only_left, only_right, is_items=True)


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(one, list | dict) for one in value)


def _is_equal(left: Any, right: Any) -> bool:
    """Return whether two JSON values are one: true is not 1, and 1 is not 1.0."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_equal, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_is_equal(left[n], right[n]) for n in left)
    return type(left) is type(right) and bool(left == right)


def _given(value: Any) -> tuple[Any, ...]:
    return () if value is _MISSING else (value,)


def _pair_steps(left: State, right: State) -> Iterator[StepPair]:
    for key in dict.fromkeys([*left.steps, *right.steps]):
        one, other = left.steps.get(key), right.steps.get(key)
        yield StepPair(one, other, tuple(_step_differences(one, other)))


def _step_differences(left: StepState | None, right: StepState | None) -> Iterator[str]:
    if left is None or right is None:
        return
    if left.status != right.status:
        yield "status"
    if left.tries != right.tries:
        yield "try"
    if not _is_equal(left.error, right.error):
        yield "error"


def _rank(pair: StepPair) -> int:
    return 2 if pair.is_same else 0 if pair.is_aligned else 1
