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
from tests.benchmarks.testbed import Testbed

SMALL, LARGE = 100_000, 20_000_000
MONTHS = 12
ROUNDS = 12
TURNS = 40
TOGETHER = 32


class _Site:
    """One database: its running jobs, a job to read, and what its turns took."""

    def __init__(self, testbed: Testbed, events: int) -> None:
        self.testbed = testbed
        self.appends: list[float] = []
        self.reads: list[float] = []
        testbed.use_in_django()
        filling.fill(testbed, events, _months(testbed))
        self.jobs = filling.running_jobs(TOGETHER)
        self.long = filling.long_job(20_000)

    def turn(self, chance: random.Random) -> None:
        """Append and read for a while; what a new connection costs is not measured."""
        self.testbed.use_in_django()
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


def growth(testbed: Testbed, scale: float) -> list[Bar]:
    """Append and read with 20,000,000 events in the table beside 100,000, partitions present"""
    small = _Site(testbed.other("small"), max(int(SMALL * scale), MONTHS * 1_000))
    large = _Site(testbed.other("large"), max(int(LARGE * scale), MONTHS * 1_000))
    chance = random.Random(3)
    for _ in range(ROUNDS):
        small.turn(chance)
        large.turn(chance)
    testbed.use_in_django()
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


def _months(testbed: Testbed) -> list[datetime]:
    """Make the partitions of the last months; return a moment in each."""
    moment, made = clock.now().replace(day=1, hour=12), []
    with testbed.owner() as connection:
        for _ in range(MONTHS):
            connection.execute("select jobs_make_month(%s)", [moment])
            made.append(moment.replace(hour=0, minute=0, second=0, microsecond=0))
            moment = (moment - timedelta(days=2)).replace(day=1)
    return made
