"""Reading: a whole history, a page in the middle of it, the state at any seq."""

from __future__ import annotations

import random
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg

from jobs import log
from jobs.log.state import folded_events, state_at
from tests.benchmarks.log import filling
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

EVENTS = 1_000_000
ROUNDS = 5
PAGES = 200
STATES = 50
BARE_PAGES = (1_000, 10_000)
BARE = """
select string_agg(text, E'\\n' order by seq) from jobs_event
where job = %s and seq > %s and seq <= %s::bigint + %s
"""


def histories(testbed: Testbed, scale: float) -> list[Bar]:
    """A job of 1,000,000 events: all of it, a page at a random cursor, the state at a random seq"""
    events = max(int(EVENTS * scale), 5_000)
    long, short = filling.long_job(events), filling.long_job(1_000)
    with testbed.owner() as owner:
        owner.execute("analyze jobs_event")
    with testbed.bare() as bare:
        return [
            _whole(bare, long, events),
            _first_page(long, short, events),
            *_states(long, events),
        ]


def _whole(bare: psycopg.Connection[tuple[object, ...]], job: UUID, events: int) -> Bar:
    ours: list[float] = []
    theirs: dict[int, list[float]] = {size: [] for size in BARE_PAGES}
    held: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_seconds(partial(_read_all, job, events)))
        for size, took in theirs.items():
            took.append(_seconds(partial(_read_bare, bare, job, events, size)))
    _read_all(job, events, lambda: held.append(_megabytes()))  # not timed
    grown = max(held) - held[0]
    best, size = min((min(took), size) for size, took in theirs.items())
    return Bar(
        f"history of {events:,}", best / min(ours), "≥ 0.6", events / min(ours), events / best,
        "events/s", {"memory grew, MB": grown, "bare's page": size},
    )  # fmt: skip


def _read_all(job: UUID, events: int, look: Callable[[], None] = lambda: None) -> None:
    seen = 0
    for page in log.read_history(job):
        seen += len(page)
        look()
    if seen != events:
        raise AssertionError(f"{seen} events read of {events}")


def _read_bare(
    bare: psycopg.Connection[tuple[object, ...]], job: UUID, events: int, size: int
) -> None:
    for after in range(0, events, size):
        bare.execute(BARE, [job, after, after, size]).fetchone()


def _first_page(long: UUID, short: UUID, events: int) -> Bar:
    """Compare in turns; the cursors are seeded, so that a run can be repeated."""
    chance = random.Random(1)
    middle, start = [], []
    for _ in range(PAGES):
        after = chance.randrange(events - 1_000)
        middle.append(_seconds(partial(log.read, long, after)))
        start.append(_seconds(partial(log.read, short, 0)))
    ours, bare = statistics.median(middle) * 1000, statistics.median(start) * 1000
    return Bar("first batch at a random cursor", ours / bare, "≤ 1.5", ours, bare, "ms")


def _states(job: UUID, events: int) -> list[Bar]:
    chance = random.Random(2)
    state_at(job, events)  # snapshots are made as the feed passes; here by the first reader
    folded, took = [], []
    for _ in range(STATES):
        seq = chance.randrange(1, events + 1)
        before = folded_events.total
        took.append(_seconds(partial(state_at, job, seq)))
        folded.append(folded_events.total - before)
    notes = {"median ms": statistics.median(took) * 1000}
    return [Bar("events folded for a state", float(max(folded)), "≤ 1000", notes=notes)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _megabytes() -> float:
    """Return what this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
