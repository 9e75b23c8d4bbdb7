"""Append and read in a log of 20,000,000 events beside one of 100,000, in turns."""

from __future__ import annotations

import random
import statistics
import time
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from core import clock
from jobs import log
from jobs.events import EventType, NewEvent
from jobs.log import Append, append_many
from tests.benchmarks.log import filling
from tests.benchmarks.report import Bar
from tests.benchmarks.stage import Stage

SMALL, LARGE = 100_000, 20_000_000
MONTHS = 12
ROUNDS = 12
TURNS = 40
TOGETHER = 32


class _Site:
    """One database: its running jobs, a job to read, and what its turns took."""

    def __init__(self, stage: Stage, events: int) -> None:
        self.stage = stage
        self.appends: list[float] = []
        self.reads: list[float] = []
        stage.play()
        filling.fill(stage, events, _months(stage))
        self.jobs = filling.running_jobs(TOGETHER)
        self.long = filling.long_job(20_000)

    def turn(self, chance: random.Random) -> None:
        """Append and read for a while; what a new connection costs is not measured."""
        self.stage.play()
        self._append()
        log.read(self.long, 0)
        for _ in range(TURNS):
            began = time.perf_counter()
            self._append()
            middle = time.perf_counter()
            log.read(self.long, chance.randrange(19_000))
            self.appends.append(middle - began)
            self.reads.append(time.perf_counter() - middle)

    def _append(self) -> None:
        append_many([_wish(job) for job in self.jobs])


def growth(stage: Stage, scale: float) -> list[Bar]:
    """Append and read with 20,000,000 events in the table beside 100,000, partitions present"""
    small = _Site(stage.other("small"), max(int(SMALL * scale), MONTHS * 1_000))
    large = _Site(stage.other("large"), max(int(LARGE * scale), MONTHS * 1_000))
    chance = random.Random(3)
    for _ in range(ROUNDS):
        small.turn(chance)
        large.turn(chance)
    stage.play()
    return [
        _bar(f"append of {TOGETHER} at {LARGE * scale:,.0f} events", large.appends, small.appends),
        _bar(f"page of 1,000 at {LARGE * scale:,.0f} events", large.reads, small.reads),
    ]


def _bar(name: str, large: list[float], small: list[float]) -> Bar:
    ours, bare = statistics.median(large) * 1000, statistics.median(small) * 1000
    return Bar(name, ours / bare, "≤ 1.25", ours, bare, "ms")


def _wish(job: UUID) -> Append:
    event = NewEvent(EventType.STEP_OUTPUT, {"text": "x" * 200, "stream": "out"}, "fetch", "gs-1")
    return Append(job, [event], "worker:bench/1", fence=0, append_id=uuid4())


def _months(stage: Stage) -> list[datetime]:
    """Make the partitions of the last months; return a moment in each."""
    moment, made = clock.now().replace(day=1, hour=12), []
    with stage.owner() as connection:
        for _ in range(MONTHS):
            connection.execute("select jobs_make_month(%s)", [moment])
            made.append(moment.replace(hour=0, minute=0, second=0, microsecond=0))
            moment = (moment - timedelta(days=2)).replace(day=1)
    return made
