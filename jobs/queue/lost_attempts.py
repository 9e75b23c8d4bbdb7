"""Attempts that ended without a word: their worker died, was killed, or was cut off.

What a run does may be what ends its worker (memory, a crash in native code), so these are counted:
in a row, since the last attempt in which a step came to an end or the run parked. One that is
handed over or given back does not count. At the kind's `max_attempts` the job fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from core import clock
from jobs import log
from jobs.events import EventType, NewEvent, parse
from jobs.events.extensions import ending_events
from jobs.events.fold import StepState
from jobs.kinds import registry
from jobs.log.state import state_at

# After so many the next one runs in a process of its own: those beside it must not die with it.
SUSPECT_AFTER = 2
SPELT_OUT = 10


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that ended without a word; `heard`: when its worker last renewed the lease."""

    attempt: int
    worker: str
    heard: str
    began: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return what the next event says of it."""
        return {"attempt": self.attempt, "worker": self.worker, "heard": self.heard}

    def words(self) -> str:
        """Return "attempt 2 on box/812, begun 2026-11-22 09:00:00, last heard of 09:00:04"."""
        began = f"begun {self.began[:10]} {self.began[11:19]}"
        heard = f"last heard of {self.heard[11:19]}"
        return f"attempt {self.attempt} on {self.worker}, {began}, {heard}"


def lost_in_a_row(job_id: UUID, worker: str, heard: str) -> list[Lost]:
    """Return the attempts that count, the newest last: `worker`'s, which is found lost just now."""
    began: dict[int, str] = {}
    found: list[Mapping[str, Any]] = []
    for event in map(parse, log.read_attempts(job_id)):
        if event.type == EventType.ATTEMPT_STARTED:
            began[event.attempt] = event.at
        if lost := event.data.get("lost"):
            found.append(lost)
    found.append({"attempt": max(began, default=1), "worker": worker, "heard": heard})
    return [
        Lost(**lost, began=began[lost["attempt"]]) for lost in found if lost["attempt"] in began
    ]


def is_too_many(kind: str, lost: Sequence[Lost]) -> bool:
    """Return whether a job of this kind has had all its attempts."""
    found = registry.find_kind(kind)
    return found is not None and len(lost) >= found.max_attempts


def give_up(job_id: UUID, fence: int, lost: Sequence[Lost]) -> None:
    """Fail a job whose attempts ended without a word, and the steps that they left open."""
    open_steps = [one for one in state_at(job_id).steps.values() if one.status == "running"]
    said = [step for step in open_steps if step.until is None]
    targets = list(dict.fromkeys(step.target for step in said if step.target))
    ending = {"message": _describe_loss(lost, said), "attempts": [asdict(one) for one in lost]}
    ending |= {"failed_targets": targets} if targets else {}
    events = [*(_failed_step(step, lost[-1]) for step in open_steps)]
    events += ending_events(NewEvent(EventType.JOB_FAILED, ending))
    log.append(job_id, events, actor="system", fence=fence)


def _describe_loss(lost: Sequence[Lost], steps: Sequence[StepState]) -> str:
    many = f"{len(lost)} attempts" if len(lost) > 1 else "An attempt"
    said = "; ".join(one.words() for one in lost[-SPELT_OUT:])
    running = ", ".join(_step_place(step) for step in steps[:SPELT_OUT])
    during = f" Running then: {running}." if running else ""
    return f"{many} ended without a word, with the worker: {said} (UTC).{during}"


def _step_place(step: StepState) -> str:
    return f"{step.step} on {step.target}" if step.target else step.step


def _failed_step(step: StepState, lost: Lost) -> NewEvent:
    seconds = 0.0
    if step.started_at:
        span = clock.parse(lost.heard) - clock.parse(step.started_at)
        seconds = max(0.0, round(span.total_seconds(), 3))
    message = f"its worker {lost.worker} ended without a word"
    data = {
        "try": step.tries,
        "occurrence": step.occurrence,
        "seconds": seconds,
        "error": {"type": "WorkerLost", "message": message},
    }
    return NewEvent(EventType.STEP_FAILED, data, step.step, step.target)
