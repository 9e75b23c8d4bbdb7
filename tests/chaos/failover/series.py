"""One failover after the other, each with jobs that write, followers, and a ledger of submits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar
from uuid import UUID

from core.db import leave_pool
from ops.setup import say
from tests.chaos.failover.pair import Pair
from tests.chaos.failover.plan import Planned
from tests.chaos.failover.verdict import Follower, Found, judge
from tests.chaos.rows import GaveUp
from tests.chaos.streams.crowd import Planned as Following
from tests.chaos.streams.crowds import Crowds
from tests.chaos.streams.history import History
from tests.chaos.streams.installation import Installation, submit_load
from tests.chaos.streams.layout import here, transports

LOOK_SECONDS = 0.05
WELL_SECONDS, END_SECONDS = 120.0, 120.0
SHORT_JOB = {"events": 3, "bytes": 20, "rate": 0, "steps": 1}
#: So many events have to be appended to each job again before it counts as going on.
GOES_ON = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How large it is to be; `rate` is events a second, of all jobs together."""

    followers: int
    jobs: int
    rate: float
    seed: int


class Ledger:
    """A client that submits short jobs all the time, and keeps which were acknowledged."""

    def __init__(self, installation: Installation, name: str) -> None:
        self._installation, self._name = installation, name
        self._stop = threading.Event()
        self.acknowledged: list[UUID] = []

    def work(self) -> None:
        """Submit until told to stop."""
        leave_pool()
        for number in count():
            if self._stop.is_set():
                return
            key = f"{self._name}-{number}"
            self.acknowledged.append(
                self._installation.rows.ask(partial(submit_load, SHORT_JOB, key))
            )
            self._stop.wait(0.05)

    def stop(self) -> None:
        """Submit no more."""
        self._stop.set()


class Series:
    """The failovers; the main thread calls `go`, which tends the place too."""

    def __init__(self, pair: Pair, wanted: Wanted, thread: ThreadPoolExecutor) -> None:
        self._pair, self._wanted, self._thread = pair, wanted, thread
        self.installation = Installation(pair, here())
        self.found: list[tuple[Found, list[str]]] = []

    def go(self, plan: Sequence[Planned]) -> None:
        """Do all of it; each is told on the terminal when it has ended."""
        self.installation.start(self._wanted.jobs + 8)
        token = self._beside(self.installation.token)
        for planned in plan:
            began = time.monotonic()
            found = self._do(planned, token)
            wrong = judge(found)
            self.found.append((found, wrong))
            sign = "✗" if wrong else "✓"
            say.line(
                f"{planned.number:>4}/{len(plan)} {sign} {planned.fault:<13}"
                f" {sum(map(len, found.logs.values()))} events, {found.acknowledged} submits,"
                f" {found.missing} of them forgotten; followers: {found.forgotten} events"
                f" forgotten, {found.told} of {len(found.followers)} told."
                f" {time.monotonic() - began:.0f} s"
            )
            for line in wrong[:5]:
                say.line(f"        {line}")

    def _do(self, planned: Planned, token: str) -> Found:
        pair, troubles = self._pair, list[str]()
        self._beside(lambda: pair.arm(planned.synchronous, self._wait))
        folder = pair.folder / f"run-{planned.number}"
        folder.mkdir()
        crowds = Crowds(pair.supervisor, here().crowd, folder)
        jobs = self._submit(planned)
        followers = self._followers(jobs)
        ledger = Ledger(self.installation, f"ledger-{planned.number}")
        clerk = threading.Thread(target=ledger.work, daemon=True)
        try:
            crowds.share(token, followers)
            if not self._tend_until(lambda: _follow(crowds), WELL_SECONDS):
                troubles.append("not all followed in time")
            clerk.start()
            self._tend_until(lambda: False, planned.calm)
            self._beside(lambda: self._strike(planned, jobs))
            if not self._beside(lambda: self._go_on(jobs)):
                troubles.append("not every job has gone on")
            ledger.stop()
            self._tend_until(lambda: not clerk.is_alive(), END_SECONDS)
            self._beside(lambda: self.installation.end(jobs))
            if not crowds.wait(END_SECONDS, END_SECONDS):
                troubles.append("some followers have neither come to the end nor been told")
            self._beside(pair.rebuild)
            ended = {one.number: one.trouble for one in crowds.ended}
            seen = [
                Follower(
                    one.number, one.url.rpartition("/")[2], ended.get(one.number, "no word"),
                    History.read(folder / "histories" / str(one.number)),
                )
                for one in followers
            ]  # fmt: skip
            return self._beside(lambda: self._look(planned, jobs, seen, ledger, troubles))
        finally:
            ledger.stop()
            crowds.end()

    def _submit(self, planned: Planned) -> list[UUID]:
        params = {
            "events": int(self._wanted.rate / self._wanted.jobs * 3600), "bytes": 100,
            "rate": self._wanted.rate / self._wanted.jobs, "steps": 900,
        }  # fmt: skip
        rows = self.installation.rows
        keys = [f"failover-{planned.number}-{number}" for number in range(self._wanted.jobs)]
        return self._beside(lambda: [rows.ask(partial(submit_load, params, key)) for key in keys])

    def _followers(self, jobs: Sequence[UUID]) -> list[Following]:
        urls, dealt = self.installation.urls, transports(self._wanted.followers, self._wanted.seed)
        return [
            Following(
                number, f"{urls[number % len(urls)]}/jobs/{jobs[number % len(jobs)]}", dealt[number]
            )
            for number in range(self._wanted.followers)
        ]

    def _strike(self, planned: Planned, jobs: Sequence[UUID]) -> None:
        """Fail over; where it may lose something, once enough is on the primary alone."""
        if not planned.synchronous:
            self._pair.cut_standby()
            before = self._events(jobs)
            while self._events(jobs) < before + planned.tail:
                self._wait(LOOK_SECONDS)
        self._pair.fail_over()

    def _go_on(self, jobs: Sequence[UUID]) -> bool:
        """Wait until every job is written to on the new primary; say whether all are."""
        heads = {job: self.installation.rows.row(job).head for job in jobs}
        deadline = time.monotonic() + WELL_SECONDS
        while any(self.installation.rows.row(job).head < heads[job] + GOES_ON for job in jobs):
            if time.monotonic() > deadline:
                return False
            self._wait(LOOK_SECONDS)
        return True

    def _look(
        self, planned: Planned, jobs: Sequence[UUID], followers: Sequence[Follower],
        ledger: Ledger, troubles: Sequence[str],
    ) -> Found:  # fmt: skip
        rows = self.installation.rows
        deadline = time.monotonic() + END_SECONDS
        while not all(map(rows.has_ended, jobs)) and time.monotonic() < deadline:
            self._wait(LOOK_SECONDS)
        there = [job for job in ledger.acknowledged if rows.texts(job)]
        broken = [f"job {job}: {said}" for job in [*jobs, *there] if (said := rows.broken(job))]
        logs = {str(job): rows.texts(job) for job in jobs}
        lost = len(ledger.acknowledged) - len(there)
        count = len(ledger.acknowledged)
        return Found(planned, logs, followers, count, lost, broken, troubles)

    def _events(self, jobs: Sequence[UUID]) -> int:
        return sum(self.installation.rows.row(job).head for job in jobs)

    def _wait(self, seconds: float) -> None:
        if self.installation.stopping.wait(seconds):
            raise GaveUp("stopped")

    def _tend_until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        return self._pair.supervisor.tend_until(is_so, seconds)

    def _beside(self, work: Callable[[], T]) -> T:
        """Have another thread do this, and tend the place meanwhile."""
        doing = self._thread.submit(work)
        while not doing.done():
            self._pair.supervisor.tend()
            time.sleep(LOOK_SECONDS)
        return doing.result()


def run(pair: Pair, plan: Sequence[Planned], wanted: Wanted) -> list[tuple[Found, list[str]]]:
    """Do a plan on this ground; return what was found of each, and what is wrong with it."""
    leave_pool()
    with ThreadPoolExecutor(1, "failing over", initializer=leave_pool) as thread:
        series = Series(pair, wanted, thread)
        try:
            series.go(plan)
        finally:
            series.installation.stop()
    return series.found


def _follow(crowds: Crowds) -> bool:
    """Return whether something comes to every follower."""
    crowds.watch()
    report = crowds.report
    return report is not None and report.events > 0 and report.silent < 2.0
