"""Histories that no kind wrote: every sort of event, legal moves only, by chance from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from jobs.events import EventType, NewEvent
from tests.support.factories import ATTEMPT, output

TARGETS = tuple(f"gs-{number:03}" for number in range(40))
ENDS = (EventType.STEP_SUCCEEDED, EventType.STEP_FAILED, EventType.STEP_RETRIED)
RESULTS: tuple[Any, ...] = (
    None,
    {"b": 1, "a": [1.0, 1e22, -0.0]},
    "x \u2028 \U0001f3ae",
    2**53 + 1,
)


def random_run(seed: int, count: int) -> list[NewEvent]:
    """Return `count` events of a run in progress: attempts, pauses, steps, output."""
    return list(islice(_events(random.Random(seed)), count))


def _events(chance: random.Random) -> Iterator[NewEvent]:
    yield ATTEMPT
    while True:
        where: dict[str, Any] = {
            "step": chance.choice(("fetch", "switch")),
            "target": chance.choice((*TARGETS, None)),
        }
        at = {"occurrence": chance.choice((1, 1, 1, 2)), "try": 1}
        match chance.randrange(12):
            case 0:
                yield NewEvent(
                    EventType.JOB_PROGRESSED, {"done": chance.randrange(40), "total": 40}
                )
            case 1:
                yield ATTEMPT
            case 2:
                yield NewEvent(
                    EventType.JOB_WAITING, {"targets": [{"target": "gs-001", "job": "j"}]}
                )
                yield ATTEMPT
            case 3 | 4:
                yield NewEvent(EventType.STEP_STARTED, at, **where)
            case 5 | 6:
                ended = {"seconds": chance.random(), "result": chance.choice(RESULTS)}
                yield NewEvent(chance.choice(ENDS), at | ended, **where)
            case 7:
                yield NewEvent(EventType.STEP_PROGRESSED, {"done": 1, "total": 2}, **where)
            case _:
                yield output("x")
