"""A job as the fold of its events. Pure: no clock, no database, no chance.

`Summary` is what the job row keeps: `advance_summary(summary, event)` says whether an event is a
legal move and what it makes of the row. `State` adds every step, for a resumed run, the API and
replays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from core.errors import NotNow, RepriseError
from jobs.events import Event, EventType

# Raise it with every change of what events fold to (an upcaster's too): snapshots of the state
# carry the number and are passed over under another one.
FOLD = 4

QUEUED, RUNNING, WAITING = "queued", "running", "waiting"
PAUSED, CANCELLING = "paused", "cancelling"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})
STATUSES = (QUEUED, RUNNING, WAITING, PAUSED, CANCELLING, SUCCEEDED, FAILED, CANCELLED)
# What is waited for without being parked; None: targets.
_TRIED = frozenset({None, "limit", "kind"})
_ACTIVE = frozenset({RUNNING, CANCELLING, PAUSED})
_OPEN = frozenset({QUEUED, RUNNING, WAITING, PAUSED})

# From which statuses an event is legal. Nothing is legal after a terminal status.
LEGAL: dict[str, frozenset[str]] = {
    EventType.JOB_SUBMITTED: frozenset({""}),
    EventType.JOB_EXTENDED: frozenset({QUEUED, RUNNING, CANCELLING}),
    EventType.ATTEMPT_STARTED: frozenset({QUEUED, RUNNING, WAITING, PAUSED, CANCELLING}),
    EventType.JOB_PROGRESSED: _ACTIVE,
    EventType.JOB_WAITING: frozenset({QUEUED, RUNNING, WAITING}),
    EventType.JOB_PAUSED: frozenset({QUEUED, RUNNING, WAITING}),
    EventType.JOB_RESUMED: frozenset({PAUSED, WAITING}),
    EventType.JOB_CANCEL_REQUESTED: _OPEN,
    EventType.JOB_APPROVAL_REQUESTED: frozenset({RUNNING, WAITING}),
    EventType.JOB_APPROVED: frozenset({WAITING}),
    EventType.JOB_REJECTED: frozenset({WAITING}),
    EventType.JOB_SUCCEEDED: frozenset({RUNNING, CANCELLING}),
    # Queued: what a schedule asked for and could not be submitted fails at once.
    EventType.JOB_FAILED: frozenset({QUEUED, RUNNING, CANCELLING}),
    EventType.JOB_CANCELLED: frozenset({CANCELLING}),
    **{kind: _ACTIVE for kind in EventType if kind.startswith("step.")},
    EventType.STEP_KEPT: frozenset({QUEUED}),  # with the submission of a fork
    # The system's own log waits for its next event until it is closed (`jobs.system_log`).
    **{kind: frozenset({WAITING}) for kind in EventType if kind.startswith("system.")},
}

# What a job's status becomes; where a type is not named, it stays.
_BECOMES: dict[str, str] = {
    EventType.JOB_SUBMITTED: QUEUED,
    EventType.JOB_WAITING: WAITING,
    EventType.JOB_APPROVAL_REQUESTED: WAITING,
    EventType.JOB_PAUSED: PAUSED,
    EventType.JOB_APPROVED: RUNNING,
    EventType.JOB_REJECTED: RUNNING,
    EventType.JOB_CANCEL_REQUESTED: CANCELLING,
    EventType.JOB_SUCCEEDED: SUCCEEDED,
    EventType.JOB_FAILED: FAILED,
    EventType.JOB_CANCELLED: CANCELLED,
    EventType.SYSTEM_CLOSED: SUCCEEDED,
}


class UnknownEvent(RepriseError):
    """The log has an event of a type that this Reprise does not know."""

    code = "unknown_event"


@dataclass(frozen=True, slots=True)
class Summary:
    """A job's row: status, progress, attempt, head. `""` is the status before job.submitted."""

    status: str = ""
    done: int = 0
    total: int = 0
    failed: int = 0
    attempt: int = 0
    head: int = 0
    head_hash: str = ""
    submitted_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    last_at: str | None = None
    message: str = ""
    waiting_for: tuple[Mapping[str, Any], ...] = ()

    @property
    def terminal(self) -> bool:
        """Whether nothing can be appended any more."""
        return self.status in TERMINAL

    @property
    def parked(self) -> bool:
        """Whether the run itself waits, for a moment or a word: before that nobody may take it.

        A job that waits for targets, for its turn or for a worker that knows its kind may be
        taken, to see whether it can run now.
        """
        own = (wait.get("for") not in _TRIED for wait in self.waiting_for)
        return self.status == WAITING and any(own)

    @property
    def due_at(self) -> str | None:
        """When a parked job is to be taken in any case; None if only a word brings it back."""
        if not self.parked:
            return None
        return min(
            (str(wait["until"]) for wait in self.waiting_for if "until" in wait), default=None
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        values = {name: getattr(self, name) for name in Summary.__slots__}
        return {**values, "waiting_for": list(self.waiting_for)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the summary that `as_dict` made these values of."""
        return cls(**{**values, "waiting_for": tuple(values["waiting_for"])})


def attempt_of(summary: Summary, event_type: str) -> int:
    """Return the attempt that a new event of this type belongs to."""
    return summary.attempt + (event_type == EventType.ATTEMPT_STARTED)


def advance_summary(summary: Summary, event: Event) -> Summary:
    """Return the row after `event`.

    Raises NotNow if the job's status forbids that event, UnknownEvent for a type of a newer
    Reprise: passing over it could make anything of the job.
    """
    if event.type not in LEGAL:
        raise UnknownEvent(
            f"Event {event.seq} is a {event.type}, which this Reprise does not know: it was written"
            " by a newer one."
        )
    if summary.status not in LEGAL[event.type]:
        state = f"is {summary.status}" if summary.status else "has not been submitted"
        raise NotNow(
            f"The job {state}: {event.type} is not possible now.", job_status=summary.status
        )
    head: dict[str, Any] = {"head": event.seq, "head_hash": event.hash, "last_at": event.at}
    if event.type.startswith("step."):
        return replace(summary, **head)
    return replace(summary, **head, **_summary_changes(summary, event))


def _summary_changes(summary: Summary, event: Event) -> dict[str, Any]:
    data = event.data
    status = _BECOMES.get(event.type, summary.status)
    changes: dict[str, Any] = {"status": status}
    match event.type:
        case EventType.JOB_SUBMITTED:
            changes |= {"submitted_at": event.at, "total": int(data.get("total", 0))}
        case EventType.ATTEMPT_STARTED:
            keep = summary.status in {CANCELLING, PAUSED}
            changes |= {
                "status": summary.status if keep else RUNNING,
                "attempt": event.attempt,
                "started_at": summary.started_at or event.at,
                "waiting_for": (),
            }
        case EventType.JOB_PROGRESSED:
            names = ("done", "total", "failed")
            changes |= {name: int(data[name]) for name in names if name in data}
        case EventType.JOB_WAITING:
            changes["waiting_for"] = tuple(data.get("targets") or data.get("waits") or ())
        case EventType.JOB_APPROVAL_REQUESTED:
            others = summary.waiting_for if summary.status == WAITING else ()
            changes["waiting_for"] = (*others, {**data, "for": "approval"})
        case EventType.JOB_APPROVED | EventType.JOB_REJECTED:
            changes["waiting_for"] = ()
        case EventType.JOB_RESUMED:
            changes |= {"status": RUNNING if summary.attempt else QUEUED, "waiting_for": ()}
    if status in TERMINAL:
        message = str(data.get("message", ""))
        changes |= {"finished_at": event.at, "message": message, "waiting_for": ()}
    return changes


StepKey = tuple[str, str | None, int]


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of a run: its newest try. `status`: running, succeeded, failed, retried, skipped.

    `until`: when a sleep is over, a wait given up, the next try due. `place`: where a try that is
    running waits for its turn (a host), before it has begun its work. While a gate or a wait for a
    signal is `running`, its `result` is the word that has come (see `_heard`). `kept`: a fork has
    the step from the job that it goes on from, where this is the seq of the event that ended it.
    """

    step: str
    target: str | None
    occurrence: int
    status: str
    tries: int
    attempt: int
    started_at: str | None = None
    finished_at: str | None = None
    seconds: float | None = None
    error: Mapping[str, Any] | None = None
    result: Any = None
    until: str | None = None
    place: str | None = None
    kept: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the step as the API shows it; the last three only where there is one."""
        values = {
            "try" if name == "tries" else name: getattr(self, name) for name in StepState.__slots__
        }
        for name in ("until", "place", "kept"):
            if values[name] is None:
                del values[name]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the step that `as_dict` made these values of."""
        return cls(
            values["step"], values["target"], values["occurrence"], values["status"],
            values["try"], values["attempt"], values["started_at"], values["finished_at"],
            values["seconds"], values["error"], values["result"], values.get("until"),
            values.get("place"), values.get("kept"),
        )  # fmt: skip

    @property
    def key(self) -> StepKey:
        """What the step is known by in its run."""
        return self.step, self.target, self.occurrence


@dataclass(frozen=True, slots=True)
class State:
    """The whole of a job at one seq: the row's summary and every step, in order of first start."""

    summary: Summary = field(default_factory=Summary)
    steps: Mapping[StepKey, StepState] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the state as JSON, the form in which histories record it."""
        steps = [step.as_dict() for step in self.steps.values()]
        return {**self.summary.as_dict(), "steps": steps}


_STEP_STATUS: dict[str, str] = {
    EventType.STEP_STARTED: "running",
    EventType.STEP_SUCCEEDED: "succeeded",
    EventType.STEP_FAILED: "failed",
    EventType.STEP_RETRIED: "retried",
    EventType.STEP_SKIPPED: "skipped",
}
_KEPT = EventType.STEP_KEPT
STEP_TYPES = frozenset(_STEP_STATUS)
"""The events that tell of a step's work; what is kept of another job's is `step.kept`."""


def fold_event(state: State, event: Event) -> State:
    """Return the state after `event`; `state` is left as it is. NotNow for an illegal move."""
    return fold_all(state, (event,))


def fold_all(state: State, events: Iterable[Event]) -> State:
    """Return the state after `events`; one copy of the steps however many there are."""
    summary, steps = state.summary, dict(state.steps)
    for event in events:
        summary = advance_summary(summary, event)
        if (event.type in _STEP_STATUS or event.type == _KEPT) and event.step is not None:
            key = (event.step, event.target, int(event.data.get("occurrence", 1)))
            steps[key] = fold_step(steps.get(key), key, event)
        elif heard := _answered_step(steps, event):
            steps[heard.key] = heard
    return State(summary, steps)


def fold_step(step: StepState | None, key: StepKey, event: Event) -> StepState:
    """Return a step after one of its events (STEP_TYPES, step.kept); None: it has had none."""
    data, is_kept = event.data, event.type == _KEPT
    status = str(data.get("status", SUCCEEDED)) if is_kept else _STEP_STATUS[event.type]
    tries, until = int(data.get("try", step.tries if step else 0)), data.get("until")
    if event.type == EventType.STEP_STARTED:
        place = data.get("place")
        return StepState(*key, status, tries, event.attempt, event.at, until=until, place=place)
    return replace(
        step or StepState(*key, status, tries, event.attempt),
        status=status,
        tries=tries,
        finished_at=event.at,
        seconds=data.get("seconds"),
        error=data.get("error"),
        result=data.get("result"),
        until=until,
        place=None,
        kept=int(data.get("seq", 0)) if is_kept else None,
    )


def _answered_step(steps: Mapping[StepKey, StepState], event: Event) -> StepState | None:
    """Return the step that waits for the word which the event is, with the word as its result.

    A word is an approval, a rejection or a signal; the next attempt finds it there.
    """
    data, by = event.data, {"by": event.actor, "at": event.at}
    match event.type:
        case EventType.JOB_APPROVED | EventType.JOB_REJECTED:
            approved = event.type == EventType.JOB_APPROVED
            name = data.get("gate")
            word = {"approved": approved, **by, "reason": str(data.get("reason") or "")}
        case EventType.JOB_RESUMED:
            name, word = data.get("signal"), {"data": data.get("data"), **by}
        case _:
            return None
    occurrence = 1
    while (str(name), None, occurrence + 1) in steps:
        occurrence += 1
    step = steps.get((str(name), None, occurrence))
    if step is None or step.status != "running" or step.result is not None:
        return None
    return replace(step, result=word)
