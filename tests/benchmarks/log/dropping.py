"""Letting an archived month go, while a writer appends all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import connection

from core import clock
from core.ids import uuid7_floor
from jobs import feed, log
from jobs.archive import stages
from jobs.archive.stages import ArchiveContext
from jobs.events import EventType, NewEvent
from jobs.log.months import Month, Owner
from tests.benchmarks.log import filling
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

EVENTS = 500_000
A_JOB = 20_000


class _Timed(Owner):
    """An owner that notes when it lets a month go."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.spans: list[tuple[float, float]] = []

    def detach(self, month: Month, again: Callable[[], bool]) -> None:
        with self._span():
            super().detach(month, again)

    def drop(self, month: Month, again: Callable[[], bool]) -> None:
        with self._span():
            super().drop(month, again)

    @contextmanager
    def _span(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.spans.append((began, time.perf_counter()))


class _Writer(threading.Thread):
    """Appends to one job until it is told to stop; notes each append's begin and end."""

    def __init__(self, job: UUID) -> None:
        super().__init__(daemon=True)
        self.job = job
        self.appends: list[tuple[float, float]] = []
        self.over = threading.Event()

    def run(self) -> None:
        event = NewEvent(EventType.STEP_OUTPUT, {"text": "x" * 200, "stream": "out"}, "fetch", "a")
        while not self.over.is_set():
            began = time.perf_counter()
            log.append(self.job, [event], actor="worker:bench/1")
            self.appends.append((began, time.perf_counter()))
        connection.close()


def dropping(testbed: Testbed, scale: float) -> list[Bar]:
    """Archive a month of 500,000 events and drop it, while a writer goes on"""
    month = _fill(testbed, max(int(EVENTS * scale), A_JOB))
    writer = _Writer(filling.running_jobs(1)[0])
    with _Timed(testbed.owner_url) as owner:
        writer.start()
        began = time.perf_counter()
        done = list(stages.archive_month(month, ArchiveContext(owner, _no_bar)))
        took = time.perf_counter() - began
        writer.over.set()
        writer.join()
    if done[-1] != "dropped":
        raise AssertionError(f"the month was not dropped: {done}")
    away = sum(end - begin for begin, end in owner.spans)
    during = [end - begin for begin, end in writer.appends if _within(owner.spans, begin, end)]
    outside = [end - begin for begin, end in writer.appends if not _within(owner.spans, begin, end)]
    notes = {"appends meanwhile": len(during), "archived in s": took}
    return [
        Bar("detach and drop a month", away, "≤ 1", away, None, "s", notes),
        Bar("longest append meanwhile", max(during), "≤ 1", max(during), max(outside), "s"),
    ]


def _fill(testbed: Testbed, events: int) -> Month:
    """Lay ended jobs into the month before the last and give them their places in the feed."""
    moment = clock.now().replace(day=1, hour=12) - timedelta(days=45)
    with testbed.owner() as owner:
        owner.execute("select jobs_make_month(%s)", [moment])
    first = uuid7_floor(moment).int | 0x7 << 76 | 0b10 << 62
    for number in range(events // A_JOB):
        job = filling.long_job(A_JOB, UUID(int=first + (number << 80)))
        log.append(job, [NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})], actor="w")
    while feed.sequence_events():
        pass
    return Month.of(moment)


def _within(spans: list[tuple[float, float]], begin: float, end: float) -> bool:
    return any(begin < stop and end > start for start, stop in spans)


@contextmanager
def _no_bar(_title: str, _total: int | None) -> Iterator[Callable[[int], None]]:
    yield lambda _count: None
