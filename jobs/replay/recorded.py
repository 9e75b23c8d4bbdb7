"""A history as a handler replay needs it: what was asked for, what came of it, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.events import Event, EventType
from jobs.events.extensions import count_extensions, submission_data
from jobs.events.fold import TERMINAL, State, StepKey, fold_all
from jobs.replay.history import History, HistoryInvalid
from jobs.run.errors import TooManyEvents


@dataclass(slots=True)
class RecordedCall:
    """What a history has of one step: the seq of its first event, its newest start, its tries."""

    seq: int
    asked: Mapping[str, Any] = field(default_factory=dict)
    is_redacted: bool = False
    tries: list[Event] = field(default_factory=list)  # that ended


@dataclass(frozen=True, slots=True)
class Recorded:
    """A history, read. `ending` is the job's last event, where the run itself came to its end."""

    job: Any
    kind: str
    params: Mapping[str, Any]
    state: State
    calls: Mapping[StepKey, RecordedCall]
    ending: Event | None
    failed_targets: tuple[str, ...]
    is_redacted: bool  # its submission or its ending
    stopped_at: int | None  # the seq of the request

    @property
    def too_many(self) -> TooManyEvents | None:
        """What ended the run, if that was the number of its events."""
        said = str(self.ending.data.get("message", "")) if self.ending else ""
        return TooManyEvents.from_message(said)

    @property
    def head(self) -> int:
        """The seq of the last event."""
        return self.state.summary.head


def read_recorded(history: History) -> Recorded:
    """Return a history as a replay needs it; HistoryInvalid if it does not begin as a job's."""
    events, redacted = history.events, _redacted_seqs(history)
    if not events or events[0].type != EventType.JOB_SUBMITTED:
        raise HistoryInvalid("The history does not begin with job.submitted.")
    state = fold_all(State(), events)
    parts = count_extensions(events[0].data)
    submitted = submission_data(events[0].data, [one.data for one in events[1 : 1 + parts]])
    # What a person or the service ended, the run had no say in.
    own = state.summary.status in TERMINAL and events[-1].actor.startswith("worker:")
    return Recorded(
        history.job,
        history.kind,
        submitted["params"],
        state,
        _read_calls(events, redacted),
        events[-1] if own else None,
        _failed_targets(events[1 + parts :]),
        bool(redacted & {1, events[-1].seq}),
        next((one.seq for one in events if one.type == EventType.JOB_CANCEL_REQUESTED), None),
    )


def _read_calls(events: tuple[Event, ...], redacted: set[int]) -> dict[StepKey, RecordedCall]:
    calls: dict[StepKey, RecordedCall] = {}
    for event in events:
        if event.step is None or "occurrence" not in event.data:
            continue  # output and progress
        key = (event.step, event.target, int(event.data["occurrence"]))
        call = calls.setdefault(key, RecordedCall(event.seq))
        if event.type == EventType.STEP_STARTED:
            call.asked, call.is_redacted = event.data, event.seq in redacted
        else:
            call.tries.append(event)
    return calls


def _failed_targets(events: tuple[Event, ...]) -> tuple[str, ...]:
    """Return the targets that a job's end blames, which may be told in several events."""
    told = [
        event.data.get("failed_targets") or ()
        for event in events
        if event.type in (EventType.JOB_EXTENDED, EventType.JOB_FAILED)
    ]
    return tuple(target for part in told for target in part)


def _redacted_seqs(history: History) -> set[int]:
    """Return the events that show not all of their values."""
    return {
        event.seq
        for event, text in zip(history.events, history.texts, strict=True)
        if '"redacted":' in text and '"check":' in text[-220:]
    }
