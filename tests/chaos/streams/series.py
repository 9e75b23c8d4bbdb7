"""All faults of a plan, one after the other, while the followers follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from core.db import leave_pool
from ops.setup import say
from tests.chaos.base_servers import BaseServers
from tests.chaos.rows import Rows
from tests.chaos.streams.crowd import Ended
from tests.chaos.streams.crowd import Planned as Following
from tests.chaos.streams.crowds import Crowds
from tests.chaos.streams.faults import ACTS, Scene
from tests.chaos.streams.installation import Installation
from tests.chaos.streams.lags import LATE_SECONDS
from tests.chaos.streams.layout import Layout, transports
from tests.chaos.streams.plan import WEBS, Planned

LOOK_SECONDS = 0.05
#: How long it may take until all is well, and until all followers have seen their jobs' ends.
WELL_SECONDS, END_SECONDS = 120.0, 90.0
#: For so long all has to be well before it counts.
SURE_SECONDS = 2.5
#: A follower to which nothing comes for so long is not well: its job writes all the time.
SILENT_SECONDS = 1.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How large it is to be; `rate` is events a second, of all jobs together."""

    followers: int
    jobs: int
    rate: float
    seed: int


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that came: from when to when, and when all was well again for sure (Unix times)."""

    planned: Planned
    what: str
    began: float
    ended: float
    well: float
    recovered: bool


@dataclass(frozen=True, slots=True)
class Course:
    """What happened: the faults, who followed and how that ended, and where the histories are.

    `began` and `closed` are when all was well first, and when the jobs were told to end.
    """

    began: float
    closed: float
    struck: Sequence[Struck]
    jobs: Sequence[UUID]
    followers: Sequence[Following]
    ended: Sequence[Ended]
    histories: Path
    troubles: Sequence[str]


def run(
    base: BaseServers,
    layout: Layout,
    plan: Sequence[Planned],
    wanted: Wanted,
    look: Callable[[Rows, Course], T],
) -> T:
    """Start an installation on this ground, have followers follow, break what is planned; return
    what `look` makes of it before it is stopped. Raises what kept it from being done.
    """
    installation, crowds = (
        Installation(base, layout),
        Crowds(base.supervisor, layout.crowd, base.folder),
    )
    try:
        leave_pool()
        installation.start(wanted.jobs)
        with ThreadPoolExecutor(1, "breaking", initializer=leave_pool) as thread:
            try:
                course = Series(installation, crowds, wanted, thread).go(plan)
                return look(installation.rows, course)
            finally:
                installation.stop()
    finally:
        crowds.end()


class Series:
    """A series on a place; the main thread calls `go`, which tends the place too."""

    def __init__(
        self, installation: Installation, crowds: Crowds, wanted: Wanted, thread: ThreadPoolExecutor
    ) -> None:
        self._installation, self._crowds, self._wanted, self._thread = (
            installation,
            crowds,
            wanted,
            thread,
        )
        self._supervisor = installation.base.supervisor
        self._troubles: list[str] = []

    def go(self, plan: Sequence[Planned]) -> Course:
        """Do all of it."""
        jobs = self._installation.submit(self._wanted.jobs, self._wanted.rate)
        followers = self._followers(jobs)
        self._crowds.share(self._installation.token(), followers)
        with say.step("Waiting until all follow"):
            if not self._until_well():
                self._troubles.append("not all was well in time, before anything was broken")
        began = time.time()
        struck = []
        for planned in plan:
            self._pass(planned.calm)
            struck.append(self._strike(planned, len(plan)))
        self._pass(plan[-1].calm)
        closed = time.time()
        with say.step("Ending jobs, sending followers home"):
            self._close(jobs)
        return Course(
            began, closed, struck, jobs, followers, self._crowds.ended, self._crowds.histories,
            [*self._troubles, *self._supervisor.deaths(self._installation.base.postgres)],
        )  # fmt: skip

    def _followers(self, jobs: Sequence[UUID]) -> list[Following]:
        """Return who is to follow what: each job has followers on both servers."""
        wanted, urls = self._wanted, self._installation.urls
        dealt = transports(wanted.followers, wanted.seed)
        return [
            Following(
                number,
                f"{urls[number // len(jobs) % WEBS]}/jobs/{jobs[number % len(jobs)]}",
                dealt[number],
            )
            for number in range(wanted.followers)
        ]

    def _strike(self, planned: Planned, count: int) -> Struck:
        began = time.time()
        what = self._beside(lambda: ACTS[planned.fault](Scene(self._installation, planned)))
        ended = time.time()
        recovered = self._until_well()
        well = time.time()
        sign, passed = "✓" if recovered else "✗", well - ended - SURE_SECONDS
        say.line(
            f"{planned.number:>4}/{count} {sign} {planned.fault:<16} {what}."
            + (
                f" All well after about {max(0.0, passed):.0f} s"
                if recovered
                else " Not well again"
            )
        )
        return Struck(planned, what, began, ended, well, recovered)

    def _close(self, jobs: list[UUID]) -> None:
        self._beside(lambda: self._installation.end(jobs))
        if not self._crowds.wait(END_SECONDS, END_SECONDS):
            self._troubles.append("some followers have not come to the end of their jobs")
        if going := self._beside(
            lambda: [j for j in jobs if not self._installation.rows.has_ended(j)]
        ):
            self._troubles.append(f"{len(going)} jobs have not ended")

    # -- waiting -------------------------------------------------------------------------------

    def _until_well(self) -> bool:
        """Wait until all is well for a while; return whether it has become so."""
        since = time.monotonic()

        def sure() -> bool:
            nonlocal since
            self._crowds.watch()
            if not self._is_well():
                since = time.monotonic()
            return time.monotonic() - since > SURE_SECONDS

        return self._supervisor.tend_until(sure, WELL_SECONDS)

    def _is_well(self) -> bool:
        report = self._crowds.report
        return (
            report is not None
            and report.events > 0
            and report.late < LATE_SECONDS
            and report.silent < SILENT_SECONDS
        )

    def _pass(self, seconds: float) -> None:
        self._supervisor.tend_until(lambda: False, seconds)

    def _beside(self, work: Callable[[], T]) -> T:
        """Have another thread do this, and tend the place meanwhile."""
        doing = self._thread.submit(work)
        while not doing.done():
            self._supervisor.tend()
            time.sleep(LOOK_SECONDS)
        return doing.result()
