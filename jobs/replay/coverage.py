"""Which structures a history has: what a corpus of histories is to cover. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobs.events import Event, EventType, is_quiet, parse_stored

# What people and the service do to a run, in words.
_HAPPENINGS: dict[str, str] = {
    EventType.JOB_EXTENDED: "has lists that take several events",
    EventType.JOB_PAUSED: "is paused",
    EventType.JOB_CANCEL_REQUESTED: "is asked to stop",
    EventType.JOB_APPROVED: "has a gate that is approved",
    EventType.JOB_REJECTED: "has a gate that is rejected",
    EventType.JOB_SUCCEEDED: "succeeds",
    EventType.JOB_FAILED: "fails",
    EventType.JOB_CANCELLED: "is cancelled",
}
_LONGEST_SEQUENCE = 50


@dataclass(slots=True)
class Coverage:
    """Takes the texts of a history in their order; `structures` has each in words.

    A sequence of steps is what one target went through, the same step in a row counted once, a
    failure marked: how often it was repeated and on how many targets is no structure.
    """

    structures: set[str] = field(default_factory=set)
    _kind: str = ""
    _sequences: dict[str | None, list[str]] = field(default_factory=dict)

    def add(self, texts: Iterable[str]) -> None:
        """Take the next texts."""
        for text in texts:
            if not is_quiet(text):
                self._add_event(parse_stored(text))

    def end(self) -> frozenset[str]:
        """Return all structures of the history."""
        for sequence in self._sequences.values():
            self._found(f"takes the steps {' → '.join(sequence)}")
        return frozenset(self.structures)

    def _add_event(self, event: Event) -> None:
        self.structures.add(f"{event.type} of version {event.version}")
        self._kind = self._kind or str(event.data.get("kind", ""))
        if event.type in _HAPPENINGS:
            self._found(_HAPPENINGS[event.type])
        match event.type:
            case EventType.ATTEMPT_STARTED if event.attempt > 1:
                self._found("is taken up again by another attempt")
            case EventType.JOB_WAITING:
                self._found(f"waits for a {event.data.get('for', 'turn')}")
            case EventType.JOB_RESUMED:
                signal = event.data.get("signal")
                self._found("gets a signal" if signal is not None else "is resumed")
            case EventType.STEP_STARTED:
                self._begin_step(event)
            case EventType.STEP_FAILED:
                self._end_step(event, "fails")
            case EventType.STEP_SKIPPED:
                self._end_step(event, "skipped")
            case EventType.STEP_RETRIED:
                self._found(f"tries {event.step} again")

    def _begin_step(self, event: Event) -> None:
        sequence = self._sequences.setdefault(event.target, [])
        if event.step is not None and sequence[-1:] != [event.step]:
            sequence.append(event.step)
            del sequence[_LONGEST_SEQUENCE:]

    def _end_step(self, event: Event, how: str) -> None:
        sequence = self._sequences.setdefault(event.target, [])
        if sequence[-1:] == [event.step]:
            sequence[-1] = f"{event.step} ({how})"
        else:
            self._found(f"has a step {event.step} that is {how}")

    def _found(self, what: str) -> None:
        self.structures.add(f"{self._kind} {what}")


def coverage_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the structures of a whole history."""
    coverage = Coverage()
    coverage.add(texts)
    return coverage.end()
