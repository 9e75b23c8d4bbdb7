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
from jobs.run.errors import Diverged


class Replay:
    """The recorded steps of a run, and which of them have been asked for again."""

    def __init__(self, steps: Mapping[StepKey, StepState]) -> None:
        self._steps = steps
        self._calls: Counter[tuple[str, str | None]] = Counter()
        self._rows: dict[str | None, _Row] = {}
        for key in steps:
            self._rows.setdefault(key[1], _Row()).keys.append(key)

    @property
    def first_step(self) -> StepKey | None:
        """The step that was recorded first, None if there is none."""
        return next(iter(self._steps), None)

    def next_call(
        self, name: str, target: str | None, *, strict: bool
    ) -> tuple[int, StepState | None]:
        """Count a call for a step; return its occurrence and what is recorded of it.

        `strict`: raise Diverged if the target's record has another step next.
        """
        self._calls[name, target] += 1
        key = (name, target, self._calls[name, target])
        if row := self._rows.get(target):
            following = row.next_step()
            if strict and following is not None and following != key:
                raise Diverged(
                    f"The run cannot go on: its log has {_describe_step(following)} next, but the"
                    f" handler asks for {_describe_step(key)}."
                )
            row.asked.add(key)
        return key[2], self._steps.get(key)

    def has_begun(self, target: str) -> bool:
        """Return whether a step on a target is recorded that was not just left out."""
        row = self._rows.get(target)
        return row is not None and any(self._steps[key].status != "skipped" for key in row.keys)

    def check_complete(self) -> None:
        """Raise Diverged if something is recorded that has not been asked for again."""
        for row in self._rows.values():
            if left := row.next_step():
                raise Diverged(
                    f"The run cannot end: its log has {_describe_step(left)}, but the handler has"
                    " ended without asking for it."
                )


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


def _describe_step(key: StepKey) -> str:
    name, target, occurrence = key
    place = f" on {target}" if target is not None else ""
    time = f" (call {occurrence})" if occurrence > 1 else ""
    return f"the step {name}{place}{time}"
