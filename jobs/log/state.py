"""A job's state, folded from its log: what the API shows and a resumed run recalls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from uuid import UUID

from jobs import log
from jobs.events import EventType, parse
from jobs.events.fold import State, fold_all
from jobs.log import snapshots
from jobs.log.types import MAX_SEQ

# What of a text is enough to tell its type: `{"seq":<at most 19 digits>,"type":"…"`.
_TYPE_WITHIN = 64
_QUIET = tuple(f'"type":"{kind}"' for kind in (EventType.STEP_OUTPUT, EventType.STEP_PROGRESSED))


class FoldedEvents:
    """Counts the events that this process has folded to answer `state_at`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total = 0

    def add(self, count: int) -> None:
        """Count `count` more."""
        with self._lock:
            self.total += count


folded_events = FoldedEvents()


def state_at(job_id: UUID, seq: int | None = None) -> State:
    """Return the fold of a job's events 1 to `seq`; to the head where none is given.

    Folds what comes after the nearest snapshot, at most `snapshots.EVERY` events; the first to
    fold past a place where a snapshot is missing makes it.
    """
    wanted = MAX_SEQ if seq is None else seq
    kept = state = snapshots.nearest_snapshot(job_id, wanted)
    while state.summary.head < wanted:
        after = state.summary.head
        to_next = snapshots.EVERY - after % snapshots.EVERY
        page = log.read(job_id, after, min(to_next, wanted - after))
        if not len(page):
            break
        state = fold_texts(state, page.texts)
        folded_events.add(len(page))
        if page.last % snapshots.EVERY == 0:
            snapshots.save_snapshot(job_id, kept, state)
            kept = state
    return state


def fold_texts(state: State, texts: Sequence[str]) -> State:
    """Return the state after the events that stored texts are, which come in order.

    Output and progress of steps move nothing but the head, so that of those only the last event is
    parsed: a job's log is mostly output.
    """
    loud = [text for text in texts[:-1] if not _is_quiet(text)]
    return fold_all(state, map(parse, [*loud, *texts[-1:]]))


def _is_quiet(text: str) -> bool:
    start = text[:_TYPE_WITHIN]
    return any(mark in start for mark in _QUIET)
