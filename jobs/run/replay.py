"""What earlier attempts have recorded, beside what this one asks for: they must fit.

For each target the recorded steps have an order, that of their first events; steps without a target
are a row of their own. A handler that asks in another order, or for something else where the record
goes on, has changed since: whatever it did next would be done on a wrong footing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.events.fold import StepKey, StepState
from jobs.events.patches import patch_name
from jobs.run.errors import Diverged


class Replay:
    """The recorded steps of a run, and which of them have been asked for again.

    Patches that the run has taken are recorded as steps, too, but have no place in the order: a
    handler may stop asking for one.
    """

    def __init__(self, steps: Mapping[StepKey, StepState]) -> None:
        self._steps: dict[StepKey, StepState] = {}
        self._patches: dict[str, bool] = {}
        self._calls: Counter[tuple[str, str | None]] = Counter()
        self._rows: dict[str | None, _Row] = {}
        for key, step in steps.items():
            if (patch := patch_name(step.step, step.result)) is not None:
                self._patches[patch] = True
                continue
            self._steps[key] = step
            self._rows.setdefault(key[1], _Row()).keys.append(key)
        self._unasked = sum(step.kept is None for step in self._steps.values())

    @property
    def is_used_up(self) -> bool:
        """Whether all that this run has recorded has been asked for again.

        What a fork keeps does not count: of each target it is only the beginning, which may come
        after another target's new steps.
        """
        return not self._unasked

    @property
    def first_step(self) -> StepKey | None:
        """The step that this run recorded first, None if there is none."""
        return next((key for key, step in self._steps.items() if step.kept is None), None)

    def next_call(
        self, name: str, target: str | None, *, strict: bool, anew: bool = False
    ) -> tuple[int, StepState | None]:
        """Count a call for a step; return its occurrence and what is recorded of it.

        `strict`: raise Diverged if the target's record has another step next. `anew`: a fork does
        not keep it, so it may come before a step that is kept.
        """
        self._calls[name, target] += 1
        key = (name, target, self._calls[name, target])
        if row := self._rows.get(target):
            following = row.next_step()
            if strict and following not in (None, key) and not (anew and self._is_kept(following)):
                raise Diverged(
                    f"The run cannot go on: its log has {describe_step(following)} next, but the"
                    f" handler asks for {describe_step(key)}.",
                    following,
                    key,
                )
            row.asked.add(key)
        recorded = self._steps.get(key)
        self._unasked -= recorded is not None and recorded.kept is None
        return key[2], recorded

    def next_step(self, target: str | None) -> StepKey | None:
        """Return the first recorded step of a target that has not been asked for."""
        row = self._rows.get(target)
        return row.next_step() if row else None

    def _is_kept(self, key: StepKey) -> bool:
        return self._steps[key].kept is not None

    def has_begun(self, target: str) -> bool:
        """Return whether a step on a target is recorded that was not just left out."""
        row = self._rows.get(target)
        return row is not None and any(self._steps[key].status != "skipped" for key in row.keys)

    def check_complete(self) -> None:
        """Raise Diverged if something is recorded that has not been asked for again."""
        for row in self._rows.values():
            if left := row.next_step():
                raise Diverged(
                    f"The run cannot end: its log has {describe_step(left)}, but the handler has"
                    " ended without asking for it.",
                    left,
                )

    def has_patch(self, name: str) -> bool | None:
        """Return whether the run takes a patch; None if this is the first call that decides.

        A run for which more is recorded than has been asked for began without it. That holds for
        all its calls in this attempt, and in the next ones by what is recorded then.
        """
        if name not in self._patches and any(row.next_step() for row in self._rows.values()):
            self._patches[name] = False
        return self._patches.get(name)

    def take_patch(self, name: str) -> None:
        """Have the run take a patch from here on."""
        self._patches[name] = True

    @property
    def patches_not_taken(self) -> frozenset[str]:
        """The patches that the run was asked for and began without."""
        return frozenset(name for name, taken in self._patches.items() if not taken)


@dataclass(slots=True)
class _Row:
    """A target's recorded steps in order; those before `place` have been asked for."""

    keys: list[StepKey] = field(default_factory=list)
    asked: set[StepKey] = field(default_factory=set)
    place: int = 0

    def next_step(self) -> StepKey | None:
        """Return the first that has not been asked for."""
        while self.place < len(self.keys) and self.keys[self.place] in self.asked:
            self.place += 1
        return self.keys[self.place] if self.place < len(self.keys) else None


def describe_step(key: StepKey) -> str:
    """Return a step in words: "the step switch on gs-001 (call 2)"."""
    name, target, occurrence = key
    place = f" on {target}" if target is not None else ""
    time = f" (call {occurrence})" if occurrence > 1 else ""
    return f"the step {name}{place}{time}"
