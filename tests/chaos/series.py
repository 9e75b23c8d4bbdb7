"""All runs of a plan: one at a time on each site, and what must hold in the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from core.db import leave_pool
from ops.setup import say
from tests.chaos import leftovers, report
from tests.chaos.base_servers import BaseServers
from tests.chaos.checks import Finding
from tests.chaos.drive import Drive, FaultyDrive, Outcome
from tests.chaos.hosts import Layout
from tests.chaos.installation import Installation
from tests.chaos.plan import FAULTY, Planned

LOOK_SECONDS = 0.05
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a series: its runs, what is wrong with the whole, how its disks were full."""

    outcomes: Sequence[Outcome]
    whole: Sequence[Finding]
    disks: str


def run(base: BaseServers, layout: Layout, plan: Sequence[Planned]) -> Done:
    """Start an installation on this ground, do all runs of the plan on it, stop it.

    Each run is told on the terminal when it has ended. Raises what kept one from being done.
    """
    installation = Installation(base, layout)
    try:
        installation.start()
        series = Series(installation, plan)
        whole = series.go()
        return Done(series.outcomes, whole, installation.sites[0].disks.how)
    finally:
        installation.stop()


class Series:
    """The runs of a plan on a place; the main thread calls `go`, which tends the place too."""

    def __init__(self, installation: Installation, plan: Sequence[Planned]) -> None:
        self._installation, self._plan = installation, plan
        self._told: SimpleQueue[Outcome] = SimpleQueue()
        self.outcomes: list[Outcome] = []

    def go(self) -> list[Finding]:
        """Do all runs; return what is wrong with the whole; `outcomes` has the runs."""
        leave_pool()
        sites = range(len(self._installation.sites))
        with ThreadPoolExecutor(len(sites), "site", initializer=leave_pool) as threads:
            try:
                self._wait([threads.submit(self._work, site) for site in sites])
                return self._in_the_end(threads)
            finally:
                self._installation.stopping.set()

    def _work(self, site: int) -> None:
        """Do the runs of a site, one after the other."""
        for planned in self._plan:
            if planned.site == site and not self._installation.stopping.is_set():
                drive = FaultyDrive if planned.fault.startswith(FAULTY) else Drive
                outcome = drive(self._installation, planned).go()
                self._told.put(outcome)
                if outcome.seen is None or not outcome.seen.has_ended:
                    return  # its servers are not to be had

    def _wait(self, working: Sequence[Future[None]]) -> None:
        """Tend the place until all have ended; raise what the first that failed has raised."""
        while not all(future.done() for future in working):
            self._look(working)
            time.sleep(LOOK_SECONDS)
        self._look(working)

    def _look(self, working: Sequence[Future[None]]) -> None:
        self._installation.base.supervisor.tend()
        for future in working:
            if future.done():
                future.result()
        while True:
            try:
                outcome = self._told.get_nowait()
            except Empty:
                return
            self.outcomes.append(outcome)
            say.line(report.line(outcome, len(self.outcomes), len(self._plan)))

    def _in_the_end(self, threads: ThreadPoolExecutor) -> list[Finding]:
        """Judge the whole once everything is up: nothing is lost, held or left."""
        looking = threads.submit(self._settled)
        while not looking.done():
            self._installation.base.supervisor.tend()
            time.sleep(LOOK_SECONDS)
        findings = [Finding("whole", reported) for reported in looking.result()]
        return findings + [Finding("whole", reported) for reported in self._installation.deaths]

    def _settled(self) -> list[str]:
        """Return what is not as it must be, given some time to become so."""
        deadline, rows = time.monotonic() + SETTLE_SECONDS, self._installation.rows
        jobs = [str(outcome.job) for outcome in self.outcomes]
        while reported := [
            *rows.loose_ends(),
            *(f"bystanders: {one}" for one in rows.bystanders()),
            *self._changed(),
            *leftovers.of(jobs),
        ]:
            if time.monotonic() > deadline:
                return reported
            self._installation.stopping.wait(1)
        return []

    def _changed(self) -> list[str]:
        """Say which logs are not what they were when their run was judged, or not whole."""
        rows, reported = self._installation.rows, []
        for outcome in self.outcomes:
            if outcome.job is None or outcome.seen is None:
                continue
            if rows.texts(outcome.job) != outcome.seen.texts:
                reported.append(f"job {outcome.job} has another log than when it had ended")
            if broken := rows.broken(outcome.job):
                reported.append(f"job {outcome.job}: {broken}")
        return reported
