"""What ops/chaos failover holds a failover to: each way to go wrong has to be found."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos.failover.plan import FAULTS, Planned, draw
from tests.chaos.failover.verdict import Follower, Found, judge
from tests.chaos.streams.history import History, fingerprint

JOB = "a job"


def event(seq: int, type_: str = "step.output", attempt: int = 1, word: str = "") -> str:
    at = "2026-11-30T12:00:00.000000Z"
    facts = {"seq": seq, "type": type_, "at": at, "attempt": attempt, "data": {"word": word}}
    return json.dumps(facts)


WENT_ON = [event(1), event(2), event(3), event(4, "job.cancelled")]
RESUMED = [event(1), event(2), event(3, "attempt.started", 2), event(4, "job.cancelled", 2)]
LOST = [event(3, word="lost"), event(4, word="lost")]


def follower(texts: Sequence[str], trouble: str = "") -> Follower:
    seqs = array("Q", [json.loads(text)["seq"] for text in texts])
    prints = array("Q", [fingerprint(text.encode()) for text in texts])
    times = array("d", [0.0] * len(texts))
    return Follower(1, JOB, trouble, History(seqs, prints, times))


def found(
    fault: str,
    log: Sequence[str],
    *followers: Follower,
    missing: int = 0,
    broken: Sequence[str] = (),
) -> Found:
    planned = Planned(1, fault, 1.0, 20)
    return Found(planned, {JOB: log}, followers, 9, missing, broken, ())


def test_the_same_seed_draws_the_same_failovers() -> None:
    plan = draw(7, 20, list(FAULTS))
    assert plan == draw(7, 20, list(FAULTS)) != draw(8, 20, list(FAULTS))
    assert [one.fault for one in plan].count("synchronous") == 20
    assert len(plan) == 40


@pytest.mark.parametrize(
    "good",
    [
        found("synchronous", WENT_ON, follower(WENT_ON)),
        found("asynchronous", WENT_ON, follower(WENT_ON), missing=3),
        found("asynchronous", RESUMED, follower([*RESUMED[:2], *LOST], "history_diverged: no")),
        found("asynchronous", RESUMED, follower([*RESUMED[:2], *LOST], "cursor_ahead: no")),
    ],
)
def test_what_must_hold_holds(good: Found) -> None:
    assert judge(good) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (found("synchronous", WENT_ON, follower(WENT_ON), missing=1), "acknowledged submits"),
        (found("synchronous", WENT_ON, follower(WENT_ON[:3])), "was told nothing"),
        (found("synchronous", WENT_ON, follower(WENT_ON[:2], "cursor_ahead: x")), "ended"),
        (found("synchronous", RESUMED, follower([*RESUMED[:2], *LOST])), "was told nothing"),
        (found("asynchronous", RESUMED, follower([*RESUMED[:2], *LOST])), "was told nothing"),
        (found("asynchronous", RESUMED, follower(RESUMED[:2], "cursor_ahead: x")), "was told"),
        (found("asynchronous", RESUMED, follower(RESUMED[:2], "unreachable: x")), "ended"),
        (
            found("asynchronous", RESUMED, follower([RESUMED[1], *LOST], "cursor_ahead: x")),
            "was told",
        ),
        (
            found("asynchronous", WENT_ON, follower([*WENT_ON[:2], *LOST], "cursor_ahead: x")),
            "as if it had not",
        ),
        (found("synchronous", WENT_ON[:3], follower(WENT_ON[:3])), "has not ended"),
        (found("synchronous", WENT_ON, broken=["seq 2 was changed"]), "was changed"),
        (found("synchronous", [WENT_ON[0], *WENT_ON[2:]]), "not numbered"),
    ],
)
def test_each_way_to_go_wrong_is_found(bad: Found, said: str) -> None:
    assert any(said in line for line in judge(bad)), judge(bad)
    again = replace(bad, troubles=["more"])
    assert "more" in judge(again)
