"""Which recorded steps a fork keeps, and the events that say so. Pure.

A run serves recorded steps to its handler in their order, a row of steps for each target. So what
is kept of a row is its beginning: after the first step that runs again nothing of the row is kept.
Steps without a target may run beside each other: of these what had begun before the failed one
ended is kept too. An approval is never kept, because it was given to another run. Patches that the
run has taken have no place in the order, and are kept whatever is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs.events import Event, EventType, NewEvent
from jobs.events.fold import FAILED, STEP_TYPES, SUCCEEDED, StepKey
from jobs.events.patches import patch_name

SKIPPED = "skipped"
_UNDO = "undo "
_ENDED = {
    EventType.STEP_SUCCEEDED: SUCCEEDED,
    EventType.STEP_FAILED: FAILED,
    EventType.STEP_SKIPPED: SKIPPED,
}
_COPIED = ("try", "occurrence", "seconds", "result", "error", "reason")
_NEVER = 2**63


@dataclass(slots=True)
class RecordedStep:
    """A step as a log tells it: the seq of its first event, and the event that ended it, if any.

    `asks`: it asks for an approval.
    """

    key: StepKey
    began: int
    asks: bool = False
    ended: Event | None = None

    @property
    def name(self) -> str:
        """The step's name."""
        return self.key[0]

    @property
    def status(self) -> str:
        """How it ended; "running" if it did not."""
        return ended_status(self.ended) if self.ended else "running"

    @property
    def is_patch(self) -> bool:
        """Whether it records that the run takes a patch."""
        return patch_name(self.name, self.ended and self.ended.data.get("result")) is not None

    @property
    def end(self) -> int:
        """The seq of the event that ended it; past all others if none did."""
        return self.ended.seq if self.ended else _NEVER


@dataclass(frozen=True, slots=True)
class KeptRow:
    """What is kept of one target's steps (None: of those without one), and what runs again first.

    `again` is a recorded step; None if the row goes on after what is recorded, or is complete.
    """

    target: str | None
    kept: tuple[RecordedStep, ...]
    again: RecordedStep | None


def recorded_steps(events: Iterable[Event]) -> list[RecordedStep]:
    """Return the steps that a log tells of, in the order of their first events."""
    steps: dict[StepKey, RecordedStep] = {}
    for event in events:
        if event.step is None or event.type not in {*STEP_TYPES, EventType.STEP_KEPT}:
            continue
        key = (event.step, event.target, int(event.data.get("occurrence", 1)))
        step = steps.setdefault(key, RecordedStep(key, event.seq))
        step.asks |= event.data.get("for") == "approval"
        step.ended = event if event.type in _ENDED or event.type == EventType.STEP_KEPT else None
    return list(steps.values())


def keep_recorded(steps: Iterable[RecordedStep]) -> list[KeptRow]:
    """Return what a fork keeps that goes on from a seq: all that had ended there, as it ended."""
    return [_keep_row(target, row, failures=True) for target, row in _rows_of(steps).items()]


def keep_succeeded(steps: Iterable[RecordedStep]) -> list[KeptRow]:
    """Return what a fork keeps that goes on from the failed steps.

    A row in which everything went well stays whole. Of another one stays what succeeded before
    its first failed step; but what was put back runs again. Where the log does not tell what that
    was, the whole row runs again: a step may run twice, but must not be missing.
    """
    return [_keep_standing(target, row) for target, row in _rows_of(steps).items()]


def kept_event(step: RecordedStep) -> NewEvent:
    """Return the event by which a fork keeps a step; ValueError for one that has not ended."""
    if step.ended is None:
        raise ValueError("A step that has not ended cannot be kept.")
    return kept_copy(step.ended)


def kept_copy(ended: Event) -> NewEvent:
    """Return what a fork records of the event that ended a step in the log it goes on from."""
    data = {name: ended.data[name] for name in _COPIED if name in ended.data}
    data |= {"status": ended_status(ended), "seq": ended.seq}
    return NewEvent(EventType.STEP_KEPT, data, ended.step, ended.target)


def ended_status(ended: Event) -> str:
    """Return how a step ended, by the event that ended it."""
    if ended.type == EventType.STEP_KEPT:
        return str(ended.data.get("status", SUCCEEDED))
    return _ENDED[EventType(ended.type)]


def puts_back(step: str) -> bool:
    """Return whether a step undoes others, by its name, as the page knows it too."""
    return step == "rollback" or step.startswith(_UNDO)


def _rows_of(steps: Iterable[RecordedStep]) -> Mapping[str | None, list[RecordedStep]]:
    rows: dict[str | None, list[RecordedStep]] = {}
    for step in steps:
        rows.setdefault(step.key[1], []).append(step)
    return rows


def _keep_standing(target: str | None, row: Sequence[RecordedStep]) -> KeptRow:
    """Return what is kept of a row before the first step that failed or was put back."""
    if _went_well(row):
        return _keep_row(target, row, failures=True)
    work = [step for step in row if not step.is_patch]
    gone = work[_count_standing(work) :]
    found = _keep_row(target, [step for step in row if step not in gone], failures=False)
    return KeptRow(target, found.kept, found.again or next(iter(gone), None))


def _keep_row(target: str | None, row: Sequence[RecordedStep], *, failures: bool) -> KeptRow:
    """Return what is kept of a row up to its first step that has to run again."""
    kept: list[RecordedStep] = []
    again: RecordedStep | None = None
    cut = _NEVER
    for step in row:
        if step.is_patch:
            kept.append(step)
            continue
        if step.asks and step.status == SUCCEEDED:
            continue
        if again and (target is not None or step.began > cut):
            continue
        if not step.asks and _stays(step, row, failures=failures):
            kept.append(step)
        else:
            again, cut = again or step, min(cut, step.end)
    while kept and kept[-1].status == SKIPPED:  # it is left out again, if it still has to be
        kept.pop()
    return KeptRow(target, tuple(kept), again)


def _stays(step: RecordedStep, row: Collection[RecordedStep], *, failures: bool) -> bool:
    if step.status == FAILED:
        return failures or _is_superseded(step, row)
    return step.status in (SUCCEEDED, SKIPPED)


def _is_superseded(step: RecordedStep, row: Iterable[RecordedStep]) -> bool:
    """Return whether a later call of the step has succeeded: the handler tried it once more."""
    name, _, occurrence = step.key
    return any(
        other.name == name and other.key[2] > occurrence and other.status == SUCCEEDED
        for other in row
    )


def _went_well(row: Sequence[RecordedStep]) -> bool:
    """Return whether the newest call of each step succeeded, and nothing was put back."""
    newest = {step.name: step for step in row}
    return not any(
        puts_back(name) or step.status not in (SUCCEEDED, SKIPPED) for name, step in newest.items()
    )


def _count_standing(row: Sequence[RecordedStep]) -> int:
    """Return how many of a row's steps, from its beginning, were not put back."""
    names = [step.name for step in row]
    undone = {name.removeprefix(_UNDO) for name in names if name.startswith(_UNDO)}
    failed = [step.end for step in row if _is_lost(step, row)]
    after = min(failed, default=_NEVER)
    unclear = [step for step in row if step.began > after and step.status != SKIPPED]
    if "rollback" in names or not undone <= set(names):
        return 0
    if any(not puts_back(step.name) for step in unclear):
        return 0
    return min((names.index(name) for name in undone), default=len(row))


def _is_lost(step: RecordedStep, row: Collection[RecordedStep]) -> bool:
    return step.status == FAILED and not puts_back(step.name) and not _is_superseded(step, row)
