"""What must hold of a run, whatever broke while it ran: its log beside what its servers say. Pure.

A check gets what was `Seen` of a run and yields a sentence for each thing that is wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from jobs.kinds.version_update.params import STEPS

ROLLBACK = "rollback"
RESTARTS = {"restart", ROLLBACK}
ENDINGS = {"job.succeeded", "job.failed", "job.cancelled"}
ENDED = {"step.succeeded", "step.failed", "step.skipped"}

Answer = Mapping[str, Any]
Event = Mapping[str, Any]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Server:
    """How a server says that it is, and how often what was done to it since its fleet started."""

    version: str
    draining: bool = False
    asked: int = 0
    crashes: int = 0
    begun: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, version: Answer, drain: Answer, control: Answer) -> Self:
        """Return what `/version`, `/drain` and the control port answer."""
        counts = (control["asked"], control["crashes"], control["begun"])
        return cls(version["version"], drain["draining"], *counts)


@dataclass(frozen=True)
class Seen:
    """All that was seen of one run.

    `read` are the events' texts as they were read while it ran, `texts` as they are in the end;
    `before` and `after` its servers; `left` the commands that were still there when it had ended;
    `broken` what `jobs.integrity` says is wrong; `troubles` when something was down, held or cut,
    by anybody's fault; `limit` the seconds that a run may be quiet beyond those; `given_up` the
    moment when nobody waited for its end any more, where it has none.
    """

    wanted: str
    before: Mapping[str, Server]
    after: Mapping[str, Server]
    texts: Sequence[str]
    read: Sequence[str] = ()
    left: Sequence[str] = ()
    broken: str = ""
    troubles: Sequence[Span] = ()
    limit: float = 30.0
    given_up: float | None = None

    @cached_property
    def events(self) -> list[Event]:
        """The events, parsed."""
        return [json.loads(text) for text in self.texts]

    @property
    def has_ended(self) -> bool:
        """Whether the last event is one that ends a job."""
        return bool(self.events) and self.events[-1]["type"] in ENDINGS

    @cached_property
    def steps(self) -> Mapping[str, Mapping[str, str]]:
        """By server: the last that the log says of each step (`succeeded`, `failed`, …)."""
        found: dict[str, dict[str, str]] = {name: {} for name in self.before}
        for event in steps(self.events):
            kind = event["type"].partition(".")[2]
            if kind not in {"output", "progressed"}:
                found.setdefault(event["target"], {})[event["step"]] = kind
        return found

    def count(self, kind: str, target: str) -> Counter[str]:
        """Return how often the log has an event of a type of each step of a server."""
        ours = (event for event in steps(self.events) if event["target"] == target)
        return Counter(event["step"] for event in ours if event["type"] == kind)


def steps(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events of steps on a target."""
    return (event for event in events if "step" in event and event.get("target"))


def really(seen: Seen) -> Iterator[str]:
    """Every server is in the state that the log says"""
    for name, server in seen.after.items():
        if (fits := expected(seen.steps[name], seen.before[name].version, seen.wanted)) is None:
            yield f"{name} was left half-way: {dict(seen.steps[name])}"
            continue
        versions, draining = fits
        if server.version not in versions:
            fitting = " or ".join(sorted(versions))
            yield f"{name} runs {server.version}, by the log it runs {fitting}"
        if draining is not None and server.draining != draining:
            yield f"{name} is {'draining' if server.draining else 'open'}, by the log it is not"


def expected(
    done: Mapping[str, str], before: str, wanted: str
) -> tuple[set[str], bool | None] | None:
    """Return the versions that a server may run and whether it drains (None: nobody knows).

    None if the log leaves it between two states.
    """
    match done.get(ROLLBACK):
        case "succeeded":
            return {before}, False
        case "failed":  # told to be stuck
            return {before, wanted}, None
        case None if done.get(STEPS[-1]) == "succeeded":
            return {wanted}, False
        case None if done.get(STEPS[0]) in {None, "failed", "skipped"}:
            return {before}, False
    return None


def once(seen: Seen) -> Iterator[str]:
    """No step whose end is recorded ran again"""
    over: set[tuple[str, str, int]] = set()
    for event in steps(seen.events):
        key = (event["step"], event["target"], event["data"].get("occurrence", 1))
        if event["type"] in {"step.output", "step.progressed"}:
            continue
        if key in over:
            yield f"seq {event['seq']}: {event['type']} of {key[0]} on {key[1]} after its end"
        if event["type"] in ENDED:
            over.add(key)


def counted(seen: Seen) -> Iterator[str]:
    """The fleet counts no command more than the log begins, and at least one where it succeeded"""
    for name, after in seen.after.items():
        before, started = seen.before[name], seen.count("step.started", name)
        for step in {*after.begun, *started}:
            ran = after.begun.get(step, 0) - before.begun.get(step, 0)
            if ran > started[step]:
                yield f"{step} on {name} ran {ran} times, the log began it {started[step]} times"
            # A restart that an attempt before had done needs no second one, and says so at once.
            if not ran and step != "restart" and seen.steps[name].get(step) == "succeeded":
                yield f"{step} on {name} never ran, the log says that it succeeded"
        asked, might = after.asked - before.asked, sum(started[step] for step in RESTARTS)
        if asked > might:
            yield f"{name} was restarted {asked} times, the log may have done so {might} times"
        if after.crashes != before.crashes:
            yield f"{name} died {after.crashes - before.crashes} times by itself"


def kept(seen: Seen) -> Iterator[str]:
    """Nothing that was acknowledged is lost"""
    for seq, (then, now) in enumerate(zip(seen.read, seen.texts, strict=False), 1):
        if then != now:
            yield f"seq {seq} was read as {then[:200]} and is {now[:200]} now"
            break
    if len(seen.read) > len(seen.texts):
        yield f"{len(seen.read)} events were read, {len(seen.texts)} are there"
    for name in seen.after:
        yield from _acknowledged(seen, name)


def _acknowledged(seen: Seen, name: str) -> Iterator[str]:
    """Say where a step begins although the one before, which was waited for, has no success."""
    done: set[str] = set()
    for event in steps(seen.events):
        if event["target"] != name or event["step"] not in STEPS:
            continue
        position = STEPS.index(event["step"])
        if event["type"] == "step.started" and position and STEPS[position - 1] not in done:
            before = f"{STEPS[position]} on {name} before {STEPS[position - 1]} was done"
            yield f"seq {event['seq']}: {before}"
        if event["type"] == "step.succeeded":
            done.add(event["step"])


def chained(seen: Seen) -> Iterator[str]:
    """The log has no gap, its chain is whole, and no attempt writes after the next has begun"""
    if seen.broken:
        yield seen.broken
    if [event["seq"] for event in seen.events] != list(range(1, len(seen.events) + 1)):
        yield "its events are not numbered 1, 2, 3 …"
    for before, event in pairwise(seen.events):
        if event.get("attempt", 0) < before.get("attempt", 0):
            yield f"seq {event['seq']}: attempt {event['attempt']} after {before['attempt']}"


def ended(seen: Seen) -> Iterator[str]:
    """The run ends, once, with words that fit its steps"""
    endings = [event for event in seen.events if event["type"] in ENDINGS]
    if not seen.has_ended or len(endings) > 1:
        yield f"it ended {len(endings)} times, its last event is {seen.events[-1:]}"
        return
    failed = {
        name
        for name, done in seen.steps.items()
        if ROLLBACK in done or done.get(STEPS[0]) == "failed"
    }
    ending = endings[-1]
    if ending["type"] == "job.succeeded" and failed:
        yield f"it succeeded, but {', '.join(sorted(failed))} failed"
    if ending["type"] == "job.failed" and set(ending["data"].get("failed_targets", [])) != failed:
        yield f"it names {ending['data'].get('failed_targets')} as failed, not {sorted(failed)}"
    for name, done in seen.steps.items():
        if done.get(ROLLBACK) == "failed" and name not in ending["data"]["message"]:
            yield f"it does not name {name}, which could not be put back"


def prompt(seen: Seen) -> Iterator[str]:
    """No run is quiet for longer than lease, sweep and the work itself can take"""
    if (quiet := longest_quiet(seen)) > seen.limit:
        yield f"nothing was recorded for {quiet:.1f} s beyond what was broken on purpose"


def longest_quiet(seen: Seen) -> float:
    """Return the longest time between two events, less what of it was trouble; 0 without any."""
    moments = [datetime.fromisoformat(event["at"]).timestamp() for event in seen.events]
    moments += [seen.given_up] if seen.given_up else []
    return max((uncovered(span, seen.troubles) for span in pairwise(moments)), default=0.0)


def uncovered(span: Span, troubles: Sequence[Span]) -> float:
    """Return how many seconds of a span no trouble covers."""
    began, end = span
    left, at = 0.0, began
    for start, stop in sorted(troubles):
        if stop > at and start < end:
            left += max(0.0, start - at)
            at = max(at, stop)
    return left + max(0.0, end - at)


def alone(seen: Seen) -> Iterator[str]:
    """No command outlives its run"""
    for line in seen.left:
        yield f"still there: {line}"


CHECKS: Mapping[str, Callable[[Seen], Iterator[str]]] = {
    "state": really,
    "once": once,
    "counts": counted,
    "acknowledged": kept,
    "chain": chained,
    "ending": ended,
    "stuck": prompt,
    "processes": alone,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: which check found it, and what it is."""

    check: str
    what: str


def judge(seen: Seen) -> list[Finding]:
    """Return what is wrong with a run; nothing where every check holds."""
    return [Finding(name, reported) for name, check in CHECKS.items() for reported in check(seen)]


def fails_with(seen: Seen, words: str) -> list[Finding]:
    """A run whose kind misbehaves fails, with the words for that"""
    reported = [event["data"]["message"] for event in seen.events if event["type"] == "job.failed"]
    if len(reported) == 1 and words in reported[0]:
        return []
    return [Finding("words", f"it did not fail with {words!r}: {reported or seen.events[-1:]}")]
