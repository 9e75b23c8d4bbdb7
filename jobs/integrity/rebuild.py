"""Projections made anew: a job's row, its snapshots and the rows of its steps, from its log.

What folds differently today than when it was written (a new upcaster, a mended fold), or was
changed by hand, is found, and put right where that is asked for. The log itself is only read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any
from uuid import UUID

from django.db import transaction

from core import clock
from core.errors import NotFound, RepriseError
from jobs import log
from jobs.events.fold import FOLD, State, Summary
from jobs.log import snapshots, step_runs
from jobs.log.state import fold_texts
from jobs.models import Job, Snapshot, stored_value

Progress = Callable[[int], None]
_NO_EVENT = (RepriseError, ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is kept and what the log folds to; `place` is the row's field or the snapshot's seq."""

    place: str
    kept: Any
    folded: Any


class CannotFold(RepriseError):
    """The log does not fold: an event is not possible where it is."""

    code = "cannot_fold"


def rebuild_job(
    job_id: UUID, *, write: bool = False, on_progress: Progress = lambda _: None
) -> list[Difference]:
    """Fold a job's log from zero; return what its row, snapshots and steps' rows have otherwise.

    With `write` they are put right: the row under its lock, the others made anew. Raises
    NotFound for an unknown job, CannotFold if the log itself is to blame (nothing is written).
    """
    walk = _Walk(job_id, on_progress)
    walk.on()
    if not write and not walk.differences(_lock_row(job_id)):
        return []
    with transaction.atomic():  # what came meanwhile is folded under the lock, and is no difference
        row = _lock_row(job_id, lock=True)
        walk.on()
        found = walk.differences(row)
        if not write:
            return found
        _write_row(row, walk.state.summary, [one.place for one in found])
        Snapshot.objects.filter(job=job_id).delete()  # those of another fold with them
        Snapshot.objects.bulk_create(walk.made, batch_size=500)
        step_runs.replace_rows(job_id, walk.state)
    return found


@dataclass(slots=True)
class _Walk:
    """A log folded from zero, a stretch between two snapshots at a time."""

    job: UUID
    on_progress: Progress
    state: State = field(default_factory=State)
    kept: State = field(default_factory=State)
    made: list[Snapshot] = field(default_factory=list)

    def on(self) -> None:
        """Fold whatever follows."""
        while True:
            after = self.state.summary.head
            page = log.read(self.job, after, snapshots.EVERY - after % snapshots.EVERY)
            if not len(page):
                return
            try:
                self.state = fold_texts(self.state, page.texts)
            except _NO_EVENT as error:
                raise CannotFold(f"Events {after + 1} to {page.last}: {error}") from error
            self.on_progress(len(page))
            if page.last % snapshots.EVERY == 0:
                self.made.append(snapshots.snapshot_of(self.job, self.kept, self.state))
                self.kept = self.state

    def differences(self, row: Job) -> list[Difference]:
        """Return what the row and the stored snapshots have otherwise."""
        return [
            *_of_row(row, self.state.summary),
            *_of_snapshots(self.job, self.made),
            *starmap(Difference, step_runs.differing_steps(self.job, self.state)),
        ]


def _lock_row(job_id: UUID, *, lock: bool = False) -> Job:
    found = Job.objects.filter(pk=job_id)
    row = (found.select_for_update(no_key=True) if lock else found).first()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return row


def _of_row(row: Job, folded: Summary) -> Iterator[Difference]:
    kept = row.summary
    for name in Summary.__slots__:
        was, now = getattr(kept, name), getattr(folded, name)
        if was != now:
            yield Difference(name, was, now)
    due_at = row.due_at and clock.rfc3339(row.due_at)
    if row.parked != folded.parked:
        yield Difference("parked", row.parked, folded.parked)
    if due_at != folded.due_at:
        yield Difference("due_at", due_at, folded.due_at)


def _of_snapshots(job_id: UUID, made: list[Snapshot]) -> Iterator[Difference]:
    """Yield the snapshots that are kept and are not what they would be now; one may be missing."""
    now = {one.seq: one for one in made}
    for kept in Snapshot.objects.filter(job=job_id, fold=FOLD).order_by("seq").iterator():
        one = now.get(kept.seq)
        if one is None:
            yield Difference(f"snapshot {kept.seq}", "there", "not to be there")
        elif (kept.summary, kept.steps) != (one.summary, one.steps):
            yield from _of_snapshot(kept, one)


def _of_snapshot(kept: Snapshot, made: Snapshot) -> Iterator[Difference]:
    place = f"snapshot {kept.seq}"
    try:
        was, now = json.loads(kept.summary), json.loads(made.summary)
        for name in sorted(now.keys() | was.keys()):
            if was.get(name) != now.get(name):
                yield Difference(f"{place} {name}", was.get(name), now.get(name))
    except (ValueError, AttributeError):
        yield Difference(f"{place} summary", kept.summary, made.summary)
    if kept.steps != made.steps:
        yield Difference(f"{place} steps", kept.steps, made.steps)


def _write_row(row: Job, folded: Summary, places: list[str]) -> None:
    names = [name for name in (*Summary.__slots__, "parked", "due_at") if name in places]
    if not names:
        return
    for name in names:
        setattr(row, name, stored_value(name, getattr(folded, name)))
    if folded.terminal:
        row.lease_until = None
        names.append("lease_until")
    row.save(update_fields=names)
