"""What a search is for: a text, and filters on the events that the log page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.terminal import plain_text
from jobs.events import EventType
from jobs.events.fold import FAILED, State
from streams.search.events import LogData, LogEvent

# A step on a target, either of them "" where there is none.
Place = tuple[str, str]
FAILURES = frozenset({EventType.STEP_FAILED, EventType.STEP_RETRIED, EventType.JOB_FAILED})
# Of these the log page has no line; of starts only where something is tried again.
_SILENT = frozenset({
    EventType.STEP_SUCCEEDED, EventType.STEP_PROGRESSED, EventType.JOB_PROGRESSED,
    EventType.JOB_SUBMITTED, EventType.JOB_EXTENDED,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a search finds; a filter that is empty or None lets everything through.

    `text` is found in any case. `target` and `step` "" are of what belongs to none. `failed`: only
    failures, of which these places have had some.
    """

    text: str = ""
    target: str | None = None
    step: str | None = None
    stream: str = ""
    failed: frozenset[Place] | None = None

    def accepts_output(self, place: Place, stream: str) -> bool:
        """Return whether lines of this stream are looked at."""
        return (
            self._accepts_place(place)
            and self.stream in ("", stream)
            and (self.failed is None or place in self.failed)
        )

    def accepts_note(self, event: LogEvent) -> bool:
        """Return whether an event that is no output is shown, and has the text in its own."""
        return (
            not self.stream
            and self._accepts_place((event.step, event.target))
            and (self.failed is None or event.type in FAILURES)
            and _has_line(event)
            and (not self.text or self.text.casefold() in _note_text(event.data).casefold())
        )

    def _accepts_place(self, place: Place) -> bool:
        return self.step in (None, place[0]) and self.target in (None, place[1])


def failed_places(state: State) -> frozenset[Place]:
    """Return the places of steps that failed or were tried again, in the job's state.

    A step that was running when its job failed has failed too: its worker was lost.
    """
    left = {"failed", "retried", *(["running"] if state.summary.status == FAILED else [])}
    return frozenset(
        (step.step, step.target or "")
        for step in state.steps.values()
        if step.status in left or step.tries > 1
    )


def _has_line(event: LogEvent) -> bool:
    if event.type == EventType.STEP_STARTED:
        return event.data.try_number > 1
    if event.type == EventType.ATTEMPT_STARTED:
        return event.attempt > 1
    return event.type not in _SILENT


def _note_text(data: LogData) -> str:
    """Return what people or commands have written into an event, as a terminal shows it."""
    written = [data.message, data.reason, data.words]
    if isinstance(data.error, Mapping):
        written.append(data.error.get("message"))
    return plain_text("\n".join(text for text in written if isinstance(text, str)))
