"""A job's feed rows and snapshots held against its events, from which both were made."""

from __future__ import annotations

from uuid import UUID

from jobs.events.fold import FOLD, State
from jobs.integrity.chain import Broken
from jobs.log import Page, inspect, snapshots
from jobs.log.state import fold_texts
from jobs.models import Job, Snapshot

_REBUILD = "`manage.py rebuild --write` makes it anew."


class SnapshotCheck:
    """Folds a job's log page by page and compares each snapshot that it passes."""

    def __init__(self, row: Job) -> None:
        self._job = row.pk
        self._state = self._before = State()
        self._needed = row.head >= snapshots.EVERY

    def add(self, page: Page) -> None:
        """Fold the next page; Broken if the snapshot at its last event is not the fold."""
        if not self._needed:
            return
        self._state = fold_texts(self._state, page.texts)
        if page.last % snapshots.EVERY:
            return
        made = snapshots.snapshot_of(self._job, self._before, self._state)
        self._before = self._state
        for kept in Snapshot.objects.filter(job=self._job, fold=FOLD, seq=page.last):
            if (kept.summary, kept.steps) != (made.summary, made.steps):
                said = f"The snapshot at event {page.last} is not what the events fold to"
                raise Broken(page.last, f"{said}. {_REBUILD}")

    def end(self) -> None:
        """Raise Broken if there is a snapshot where none is made."""
        stray = inspect.stray_snapshot(self._job, FOLD, snapshots.EVERY)
        if stray is not None:
            said = f"There is a snapshot at event {stray}, where none is made"
            raise Broken(stray, f"{said}. {_REBUILD}")


def check_feed(job_id: UUID, horizon: str | None) -> None:
    """Raise Broken at the first event of a job that the feed of all jobs lacks or has elsewhere.

    `horizon` was read before (`inspect.feed_horizon`): events of earlier transactions were fed.
    """
    seq = inspect.first_not_fed(job_id, horizon)
    if seq is not None:
        said = f"Event {seq} is not where it was in the feed of all jobs"
        raise Broken(seq, f"{said}: its row there was removed, added or changed.")
