"""What people may do to a job in its present status. Pure; `jobs.access.visibility`: who may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import NotNow
from jobs.events import EventType
from jobs.events.fold import CANCELLED, FAILED, LEGAL, PAUSED, TERMINAL

# From which statuses each act is possible, in the order in which they are offered. A job that waits
# goes on by itself, or by the signal that it waits for: resuming is for what was paused.
FROM: Mapping[str, frozenset[str]] = {
    "cancel": LEGAL[EventType.JOB_CANCEL_REQUESTED],
    "pause": LEGAL[EventType.JOB_PAUSED],
    "resume": LEGAL[EventType.JOB_RESUMED] & {PAUSED},
    "approve": LEGAL[EventType.JOB_APPROVED],
    "reject": LEGAL[EventType.JOB_REJECTED],
    "retry": frozenset({FAILED, CANCELLED}),
    "fork": frozenset({FAILED, CANCELLED}),
}
ANSWERS = frozenset({"approve", "reject"})
_DONE = {
    "cancel": "stopped",
    "pause": "paused",
    "resume": "resumed",
    "approve": "approved",
    "reject": "rejected",
    "retry": "retried",
    "fork": "resumed from its failed step",
}

Gate = Mapping[str, Any]


def open_gates(waiting_for: Iterable[Mapping[str, Any]]) -> list[Gate]:
    """Return the gates that are open: `{"gate", "words", "not_by_submitter", …}` each."""
    return [wait for wait in waiting_for if wait.get("for") == "approval"]


def is_possible(act: str, status: str, waiting_for: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a job in this status, waiting for this, can be acted upon so."""
    return status in FROM[act] and (act not in ANSWERS or bool(open_gates(waiting_for)))


def require_possible(act: str, status: str) -> None:
    """Raise NotNow, with a sentence, where a job in this status cannot be acted upon so."""
    if status not in FROM[act]:
        state = f"has ended ({status})" if status in TERMINAL else f"is {status}"
        message = f"The job {state}: it cannot be {_DONE[act]} now."
        raise NotNow(message, job_status=status)
