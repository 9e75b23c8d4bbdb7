"""Whatever a rollout asks for at each target costs the same, however many targets there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from hypothesis import given
from hypothesis import strategies as st

from jobs.events.fold import StepKey, StepState
from jobs.run.replay import Replay
from jobs.run.rollout import DONE, FAILED, SKIPPED, STUCK, Outcome

SORTS = (DONE, FAILED, STUCK, SKIPPED)
NAMES = [f"gs-{number:04}" for number in range(2000)]


class Looked(Sequence[str]):
    """Names, and how many of them have been looked at."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names, self.looks = names, 0

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        found = self._names[place]
        self.looks += 1 if isinstance(place, int) else len(found)
        return found

    def __len__(self) -> int:
        return len(self._names)


class LookedSteps(Mapping[StepKey, StepState]):
    """Recorded steps, and how many of them have been looked at."""

    def __init__(self, targets: Sequence[str]) -> None:
        steps = [StepState("run", target, 1, "succeeded", 1, 1) for target in targets]
        self._steps, self.looks = {step.key: step for step in steps}, 0

    def __getitem__(self, key: StepKey) -> StepState:
        self.looks += 1
        return self._steps[key]

    def __iter__(self) -> Iterator[StepKey]:
        for key in self._steps:
            self.looks += 1
            yield key

    def __len__(self) -> int:
        return len(self._steps)


def test_an_outcome_is_set_and_counted_without_a_look_at_the_others() -> None:
    targets = Looked(NAMES)
    outcome = Outcome(targets)
    for place, target in enumerate(NAMES):
        outcome.set_outcome(target, SORTS[place % 4])
        assert outcome.count(FAILED, STUCK) <= outcome.count(*SORTS) == place + 1
        assert outcome.is_failed(target) == (place % 4 in (1, 2))
    assert targets.looks <= len(NAMES)


def test_whether_a_target_has_begun_is_known_without_a_look_at_the_others() -> None:
    steps = LookedSteps(NAMES)
    replay = Replay(steps)
    assert all(map(replay.has_begun, NAMES))
    assert not replay.has_begun("another")
    assert steps.looks <= 2 * len(NAMES)


@given(
    st.lists(st.sampled_from("abc"), min_size=1),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(SORTS))),
)
def test_the_counts_are_those_of_the_lists(targets: list[str], told: list[tuple[str, str]]) -> None:
    outcome = Outcome(targets)
    for target, sort in told:
        outcome.set_outcome(target, sort)
    lists: dict[str, Any] = {
        DONE: outcome.done, STUCK: outcome.stuck, SKIPPED: outcome.skipped,
    }  # fmt: skip
    assert {sort: outcome.count(sort) for sort in lists} == {
        sort: len(found) for sort, found in lists.items()
    }
    assert outcome.count(FAILED, STUCK) == len(outcome.failed)
