"""A job's state, folded from its log: what the API shows and a resumed run recalls."""

from __future__ import annotations

from uuid import UUID

from jobs import log
from jobs.events import EventType, parse
from jobs.job import State, fold_all

# What of a text is enough to tell its type: `{"seq":<at most 19 digits>,"type":"…"`.
_TYPE_WITHIN = 64
_QUIET = tuple(f'"type":"{kind}"' for kind in (EventType.STEP_OUTPUT, EventType.STEP_PROGRESSED))


def state_at(job_id: UUID, seq: int | None = None) -> State:
    """Return the fold of a job's events 1 to `seq`; to the head where none is given.

    Output and progress of steps move nothing but the head, so that of those only the last event is
    parsed: a job's log is mostly output.
    """
    folded = State()
    for page in log.history(job_id):
        wanted = page.texts if seq is None else page.texts[: seq - page.after]
        loud = [text for text in wanted[:-1] if not _is_quiet(text)]
        folded = fold_all(folded, map(parse, [*loud, *wanted[-1:]]))
        if seq is not None and page.last >= seq:
            break
    return folded


def _is_quiet(text: str) -> bool:
    start = text[:_TYPE_WITHIN]
    return any(mark in start for mark in _QUIET)
