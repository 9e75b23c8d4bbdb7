"""A job's row, feed rows and snapshots held against its events, from which all were made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import DataError

from jobs.events.extensions import submission_data
from jobs.events.fold import FOLD, State, Summary
from jobs.integrity.chain import Broken, event_of
from jobs.log import Page, inspect, snapshots
from jobs.log.state import fold_texts
from jobs.models import Job, Snapshot

SHOWN_CHARACTERS = 60
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


def check_row(row: Job, folded: Summary, submitted: Sequence[str]) -> None:
    """Raise Broken if the row says something else than the fold, or than was submitted.

    `submitted` has the texts of job.submitted and of the events that complete it.
    """
    kept = row.summary
    wrong = [name for name in Summary.__slots__ if getattr(kept, name) != getattr(folded, name)]
    if wrong:
        raise Broken(max(row.head, 1), _describe_differences(wrong, kept, folded))
    if row.head and (names := _not_as_submitted(row, submitted)):
        verb = "differs" if len(names) == 1 else "differ"
        raise Broken(
            1, f"The job's row does not match what was submitted: {', '.join(names)} {verb}."
        )


def _not_as_submitted(row: Job, texts: Sequence[str]) -> list[str]:
    event, *more = [event_of(seq, text) for seq, text in enumerate(texts, 1)]
    try:
        data = submission_data(event.data, [one.data for one in more])
        return inspect.not_as_submitted(row.pk, data, event.actor)
    except (LookupError, TypeError, AttributeError) as error:
        raise Broken(2, f"What completes event 1 does not fit it: {error!r}") from error
    except DataError as error:
        raise Broken(1, f"Event 1 is not a valid event: {error}") from error


def _describe_differences(names: Sequence[str], kept: Summary, folded: Summary) -> str:
    differences = [
        f"{name} is {show_value(getattr(kept, name))}, not {show_value(getattr(folded, name))}"
        for name in names
    ]
    return f"The job's row does not match its events: {', '.join(differences)}."


def show_value(value: Any) -> str:
    """Return a value in words, short enough for a sentence."""
    text = "nothing" if value in (None, "", ()) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
