"""An event in one plain sentence, for the pages that need no script.

`src/text/event-words.ts` says the same in the browser; the two are kept in step by the cases in
`frontend/test/elements/words.ndjson`, which the tests of both read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from core.terminal import plain_text, reveal
from frontend.system_words import SENTENCES
from jobs.events import Event, EventType

NBSP = "\u00a0"


def words(event: Event) -> str:
    """Return what happened; an unknown type is its own name."""
    shown = _legible(event)
    if sentence := _SENTENCES.get(event.type):
        return sentence(shown)
    of_system = SENTENCES.get(event.type)
    return of_system(shown.data) if of_system else event.type


def _legible(event: Event) -> Event:
    """Return an event with every text as a terminal would show it, and nothing hidden."""
    step, target, data = _shown([event.step, event.target, event.data])
    return replace(event, step=step, target=target, data=data)


def _shown(value: Any) -> Any:
    match value:
        case str():
            return reveal(plain_text(value))
        case Mapping():
            return {name: _shown(each) for name, each in value.items()}
        case list() | tuple():
            return [_shown(each) for each in value]
    return value


def who(actor: str) -> str:
    """Return an actor as the pages name it: `user:ann` is `ann`, `worker:h/1` is `worker h/1`."""
    kind, _, name = actor.partition(":")
    if kind == "user" and name:
        return reveal(name)
    return reveal(f"{kind} {name}".strip())


def short_id(value: str) -> str:
    """Return the last eight digits of an id: a UUIDv7 begins with the time, which repeats."""
    return value[-8:]


def count(number: int) -> str:
    """Return a number with its thousands apart: `1,204`."""
    return f"{number:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 server`, `3 servers`."""
    return f"{count(number)}{NBSP}{one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return seconds as `1.8 s`, `2 m 04 s`, `1 h 04 m`, `2 d 03 h`."""
    seconds = max(0.0, seconds)
    if seconds < 59.95:
        # A browser rounds 0.25 up; Python's own formatting rounds it to the even digit.
        tenths = Decimal(seconds).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{tenths}{NBSP}s"
    whole = int(seconds + 0.5)
    if whole < 3600:
        return _pair(whole, 60, "m", "s")
    if whole < 86_400:
        return _pair(whole // 60, 60, "h", "m")
    return _pair(whole // 3600, 24, "d", "h")


def _pair(units: int, per: int, big: str, small: str) -> str:
    return f"{units // per}{NBSP}{big}{NBSP}{units % per:02d}{NBSP}{small}"


def _submitted(event: Event) -> str:
    said = f"Submitted “{event.data.get('title', '')}”"
    again = event.data.get("retry_of")
    if source := event.data.get("forked_from"):
        seq, job = int(source["seq"]), short_id(source["job"])
        return f"{said}, which goes on from event {count(seq)} of #{job}"
    return f"{said}, a retry of #{short_id(again)}" if again else said


def _extended(event: Event) -> str:
    if failed := event.data.get("failed_targets"):
        return f"{plural(len(failed), 'target')} failed"
    return f"{plural(sum(len(part['items']) for part in event.data['parts']), 'name')} more"


def _attempt(event: Event) -> str:
    worker = event.data.get("worker", "a worker")
    if lost := event.data.get("lost"):
        silent = f"attempt {lost['attempt']} on {lost['worker']} ended without a word"
        return f"Attempt {event.attempt}: {worker} took over, {silent}"
    if event.attempt > 1:
        return f"Attempt {event.attempt}: {worker} took over"
    return f"{worker} took the job"


def _progressed(event: Event) -> str:
    done, total, failed = (int(event.data.get(name, 0)) for name in ("done", "total", "failed"))
    tail = f", {count(failed)} failed" if failed else ""
    return f"{count(done)} of {count(total)} done{tail}" if total else f"{count(done)} done{tail}"


def _waiting(event: Event) -> str:
    targets: Sequence[Mapping[str, str | None]] = event.data.get("targets", ())
    waits: Sequence[Mapping[str, str | None]] = event.data.get("waits", ())
    held = "; ".join([*map(_held, targets), *map(_awaited, waits)])
    return f"Waiting for {held or event.data.get('for', 'something')}"


def _held(place: Mapping[str, str | None]) -> str:
    holder = place.get("job")
    by = f"#{short_id(holder)}" if holder else "another team’s job"
    return f"{place['target']}, held by {by}"


def _awaited(wait: Mapping[str, str | None]) -> str:
    """Return what a run waits for by itself, to stand after "Waiting for"."""
    until = wait.get("until")
    match wait.get("for"):
        case "timer" if until and wait.get("name") == "start":
            return f"its start at {_moment(until)}"
        case "limit":
            most = plural(int(wait.get("limit") or 0), f"{wait.get('kind')} job")
            return f"its turn: at most {most} at a time"
        case "kind" if reason := wait.get("reason"):
            why = reason.removesuffix(".")
            return f"a worker with another version of the kind {wait.get('kind')}: {why}"
        case "kind":
            return f"a worker that knows the kind {wait.get('kind')}"
        case "system":
            return "the next event of the system"
        case "timer":
            return _moment(until) if until else "a timer"
        case "retry":
            place = f" on {wait['target']}" if wait.get("target") else ""
            moment = f" at {_moment(until)}" if until else ""
            return f"another try of {wait.get('name')}{place}{moment}"
        case "signal":
            return f"the signal “{wait.get('name')}”{f' until {_moment(until)}' if until else ''}"
        case "approval":
            return f"approval at the gate “{wait.get('gate')}”"
    return str(wait.get("target") or "something")


def _moment(text: str) -> str:
    return f"{text[:10]} {text[11:19]} UTC"


def _resumed(event: Event) -> str:
    if signal := event.data.get("signal"):
        return f"The signal “{signal}” came"
    return _with_part("Went on", event)


def _asked(event: Event) -> str:
    return _with_part(_at_gate("Asked for approval", event), event, "words")


def _answered(word: str) -> Callable[[Event], str]:
    return lambda event: _with_part(_at_gate(word, event), event)


def _at_gate(said: str, event: Event) -> str:
    gate = event.data.get("gate")
    return f"{said} at the gate “{gate}”" if gate else said


def _with_part(said: str, event: Event, part: str = "reason") -> str:
    more = event.data.get(part)
    return f"{said}: {more}" if more else said


def _ended(word: str) -> Callable[[Event], str]:
    return lambda event: _with_part(word, event, "message")


def _started(event: Event) -> str:
    tries = int(event.data.get("try", 1))
    if place := event.data.get("place"):
        return f"{_step(event)} waits for its turn on {place}"
    return f"{_step(event)} started" + (f", try {tries}" if tries > 1 else "")


def _output(event: Event) -> str:
    first, *rest = str(event.data.get("text", "")).rstrip().split("\n")
    return f"{first} (+ {plural(len(rest), 'line')})" if rest else first


def _step_progressed(event: Event) -> str:
    done, total = int(event.data.get("done", 0)), int(event.data.get("total", 0))
    return f"{_step(event)}: {count(done)} of {count(total)}"


def _succeeded(event: Event) -> str:
    return f"{_step(event)} succeeded in {_seconds(event)}"


def _failed(event: Event) -> str:
    return f"{_step(event)} failed after {_seconds(event)}: {_message(event)}"


def _retried(event: Event) -> str:
    message = _message(event)
    return f"{_step(event)} is tried again" + (f": {message}" if message else "")


def _skipped(event: Event) -> str:
    return _with_part(f"{_step(event)} skipped", event)


def _kept(event: Event) -> str:
    return f"{_step(event)} kept, not run again: {event.data.get('status')}"


def _step(event: Event) -> str:
    return event.step or "step"


def _seconds(event: Event) -> str:
    return duration(float(event.data.get("seconds") or 0))


def _message(event: Event) -> str:
    error = event.data.get("error") or {}
    return str(error.get("message", "")).removeprefix(f"{_step(event)} failed: ")


_SENTENCES: dict[str, Callable[[Event], str]] = {
    EventType.JOB_SUBMITTED: _submitted,
    EventType.JOB_EXTENDED: _extended,
    EventType.ATTEMPT_STARTED: _attempt,
    EventType.JOB_PROGRESSED: _progressed,
    EventType.JOB_WAITING: _waiting,
    EventType.JOB_PAUSED: lambda event: _with_part("Paused", event),
    EventType.JOB_RESUMED: _resumed,
    EventType.JOB_CANCEL_REQUESTED: lambda event: _with_part("Asked the run to stop", event),
    EventType.JOB_APPROVAL_REQUESTED: _asked,
    EventType.JOB_APPROVED: _answered("Approved"),
    EventType.JOB_REJECTED: _answered("Rejected"),
    EventType.JOB_SUCCEEDED: _ended("Succeeded"),
    EventType.JOB_FAILED: _ended("Failed"),
    EventType.JOB_CANCELLED: _ended("Cancelled"),
    EventType.STEP_STARTED: _started,
    EventType.STEP_OUTPUT: _output,
    EventType.STEP_PROGRESSED: _step_progressed,
    EventType.STEP_SUCCEEDED: _succeeded,
    EventType.STEP_FAILED: _failed,
    EventType.STEP_RETRIED: _retried,
    EventType.STEP_SKIPPED: _skipped,
    EventType.STEP_KEPT: _kept,
}
