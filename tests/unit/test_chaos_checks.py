"""The checks of ops/chaos on histories made by hand: what is right passes, each wrong is found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.kinds.version_update.params import STEPS
from tests.chaos.checks import CHECKS, Seen, Server, judge, uncovered

GOOD, BAD = "s1-gs-001", "s1-gs-002"
BEGAN = datetime(2026, 11, 22, 9, tzinfo=UTC)
OLD, NEW = "1.4.0", "1.5.0"


class Story:
    """A run's log as it grows, and what its servers count of it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.begun: dict[str, Counter[str]] = {GOOD: Counter(), BAD: Counter()}
        self.attempt = 0
        self.now = BEGAN

    def say(self, kind: str, step: str = "", target: str = "", **data: Any) -> None:
        """Append an event, a tenth of a second after the last."""
        self.now += timedelta(seconds=0.1)
        event: dict[str, Any] = {"seq": len(self.events) + 1, "type": kind}
        event |= {"at": self.now.isoformat(), "attempt": self.attempt}
        event |= {"step": step, "target": target} if step else {}
        self.events.append({**event, "data": data})

    def take(self) -> None:
        """Begin the next attempt."""
        self.attempt += 1
        self.say("attempt.started", worker="host/1")

    def begin(self, step: str, target: str, occurrence: int = 1) -> None:
        """Begin a step and its command."""
        self.say("step.started", step, target, occurrence=occurrence)
        self.begun[target][step] += 1

    def do(self, step: str, target: str, ending: str = "succeeded", occurrence: int = 1) -> None:
        """Begin a step and end it."""
        self.begin(step, target, occurrence)
        self.say("step.output", step, target, text="…")
        self.say(f"step.{ending}", step, target, occurrence=occurrence, error={"type": "X"})

    def seen(self, good: str = NEW, bad: str = OLD, **more: Any) -> Seen:
        """Return what was seen of it: versions of the two servers, and what is said besides."""
        before = {GOOD: Server(OLD), BAD: Server(OLD)}
        after = {
            name: Server(version, False, restarts(self.begun[name]), 0, self.begun[name])
            for name, version in ((GOOD, good), (BAD, bad))
        }
        texts = [json.dumps(event) for event in self.events]
        return Seen(NEW, before, after, texts, **{"read": texts, **more})


def restarts(begun: Counter[str]) -> int:
    return begun["restart"] + begun["rollback"]


def story() -> Story:
    """Return a run of two servers: one is updated, over two attempts, the other is put back."""
    told = Story()
    told.say("job.submitted")
    told.take()
    told.do("preflight", GOOD)
    told.do("drain", GOOD)
    told.begin("fetch", GOOD)  # its worker dies here
    told.take()
    for step in STEPS[2:]:
        told.do(step, GOOD)
    for step in STEPS[:2]:
        told.do(step, BAD)
    told.do("fetch", BAD, "failed")
    told.do("rollback", BAD, "failed")
    told.do("rollback", BAD, occurrence=2)
    told.say("job.failed", message=f"1 of 2 servers failed: {BAD}.", failed_targets=[BAD])
    return told


def found(seen: Seen) -> set[str]:
    """Return the names of the checks that find something."""
    return {finding.check for finding in judge(seen)}


def test_a_run_that_was_taken_over_and_put_back_is_right() -> None:
    assert judge(story().seen()) == []


def changed(seen: Seen, at: int, **members: Any) -> Seen:
    """Return the same with an event changed, in the log as in what was read of it."""
    events = [dict(event) for event in seen.events]
    events[at] |= members
    texts = [json.dumps(event) for event in events]
    return replace(seen, texts=texts, read=texts)


def with_server(seen: Seen, name: str, **fields: Any) -> Seen:
    """Return the same with a server that is otherwise in the end."""
    return replace(seen, after={**seen.after, name: replace(seen.after[name], **fields)})


def shortened(seen: Seen, by: int) -> Seen:
    return replace(seen, texts=seen.texts[:-by], read=seen.read[:-by])


def again() -> Seen:
    told = story()
    ending = told.events.pop()
    told.do("drain", GOOD)
    told.events.append({**ending, "seq": len(told.events) + 1})
    return told.seen()


def out_of_order() -> Seen:
    """Return a run in which the success of a step that was waited for is not there."""
    told = story()
    installation = next(n for n, one in enumerate(told.events) if one["type"] == "step.succeeded")
    del told.events[installation]
    return told.seen()


def paused(seconds: float) -> Seen:
    told = story()
    ending = told.events.pop()
    told.now += timedelta(seconds=seconds)
    told.say(ending["type"], **ending["data"])
    return told.seen()


WRONG: dict[str, tuple[Callable[[], Seen], str]] = {
    "another version runs": (lambda: story().seen(good=OLD), "state"),
    "a server was not put back": (lambda: story().seen(bad=NEW), "state"),
    "a server drains": (lambda: with_server(story().seen(), GOOD, draining=True), "state"),
    "a server was left half-way": (lambda: shortened(story().seen(), 3), "state"),
    "a step ran after its success": (again, "once"),
    "a command ran more often than the log knows": (
        lambda: with_server(story().seen(), GOOD, begun={**story().begun[GOOD], "fetch": 3}),
        "counts",
    ),
    "a step succeeded and never ran": (
        lambda: with_server(story().seen(), GOOD, begun={**story().begun[GOOD], "switch": 0}),
        "counts",
    ),
    "a server was restarted once more": (
        lambda: with_server(story().seen(), GOOD, asked=2),
        "counts",
    ),
    "a server died": (lambda: with_server(story().seen(), GOOD, crashes=1), "counts"),
    "an event was read and is gone": (
        lambda: replace(story().seen(), read=[*story().seen().texts, "{}"]),
        "acknowledged",
    ),
    "an event was read otherwise": (lambda: replace(story().seen(), read=["{}"]), "acknowledged"),
    "a success that was waited for is gone": (out_of_order, "acknowledged"),
    "the chain is broken": (lambda: story().seen(broken="seq 3: changed"), "chain"),
    "a seq is missing": (lambda: changed(story().seen(), 5, seq=7), "chain"),
    "a zombie wrote": (lambda: changed(story().seen(), -2, attempt=1), "chain"),
    "it never ended": (lambda: shortened(story().seen(), 1), "ending"),
    "it succeeded although a server failed": (
        lambda: changed(story().seen(), -1, type="job.succeeded"),
        "ending",
    ),
    "it names nobody": (
        lambda: changed(story().seen(), -1, data={"message": "x", "failed_targets": []}),
        "ending",
    ),
    "it was quiet for too long": (lambda: paused(31), "stuck"),
    "it was given up": (
        lambda: shortened(story().seen(given_up=BEGAN.timestamp() + 60), 1),
        "stuck",
    ),
    "a command is still there": (lambda: story().seen(left=["7: ctl.py fetch"]), "processes"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_each_wrong_is_found_by_its_check(wrong: str) -> None:
    seen, check = WRONG[wrong]
    assert check in found(seen())


def test_each_check_is_tried() -> None:
    assert {check for _, check in WRONG.values()} == set(CHECKS)


def test_a_server_that_could_not_be_put_back_may_run_either_but_must_be_named() -> None:
    told = story()
    told.events[-2]["type"] = "step.failed"
    for version in (OLD, NEW):
        assert found(told.seen(bad=version)) == set()
    assert found(told.seen(bad="1.6.0")) == {"state"}
    told.events[-1]["data"]["message"] = "1 of 2 servers failed."
    assert found(told.seen()) == {"ending"}


def test_servers_that_were_not_begun_run_what_they_ran() -> None:
    told = story()
    ending = told.events.pop()
    for step in STEPS:
        told.say("step.skipped", step, "s1-gs-003", occurrence=1)
    told.events.append({**ending, "seq": len(told.events) + 1})
    seen = told.seen()
    left_alone = {"s1-gs-003": Server(OLD)}
    both = replace(seen, before={**seen.before, **left_alone}, after={**seen.after, **left_alone})
    assert judge(both) == []
    assert found(with_server(both, "s1-gs-003", version=NEW)) == {"state"}


def test_what_was_down_on_purpose_does_not_count_as_quiet() -> None:
    late = paused(31)
    moment = BEGAN.timestamp() + 10
    assert found(replace(late, troubles=[(moment, moment + 5)])) == set()


@pytest.mark.parametrize(
    ("troubles", "left"),
    [
        ([], 10.0),
        ([(0, 4)], 10.0),
        ([(0, 12)], 8.0),
        ([(12, 14), (13, 15)], 7.0),
        ([(18, 30), (9, 11)], 7.0),
        ([(0, 100)], 0.0),
    ],
)
def test_seconds_are_covered_once(troubles: list[tuple[float, float]], left: float) -> None:
    assert uncovered((10, 20), troubles) == left
