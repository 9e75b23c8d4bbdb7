"""Runs all cases in batches: makes links, starts followers, compares their events with the log."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from ops.setup import say
from tests.chaos.links import node, verdict
from tests.chaos.links.cases import Case, batches
from tests.chaos.links.installation import Installation
from tests.chaos.links.kinds import FOLLOWERS, JOBS, NODE, PAGE, PYTHON, WAYS
from tests.chaos.links.link_sets import LinkSet
from tests.chaos.links.pages import as_parsed
from tests.chaos.links.verdict import Found
from tests.chaos.streams import account, crowds
from tests.chaos.streams.crowd import Ended, Planned
from tests.chaos.streams.crowds import Crowds
from tests.chaos.streams.history import History
from tests.chaos.streams.verdict import Log
from tests.chaos.supervised import Supervisor

PACE_SECONDS = 0.1
#: Twins have the whole link, so they come one after the other; and some seconds beyond all bounds.
TWIN_PACE_SECONDS, TWINS_SECONDS, MORE_SECONDS = 0.7, 60.0, 5.0
#: What a live job needs is not known before its twins, which run beside it: a follower that gets
#: behind may need so many times the seconds that the job goes on.
BEHIND = 2.0
#: How long a crowd may take to write down what it has.
LEAVE_SECONDS = 60.0
PAGES = [sys.executable, "-m", "tests.chaos.links.pages"]


class CaseBatches:
    """Runs them on a place; of the main thread, which tends it meanwhile."""

    def __init__(self, installation: Installation, lines: LinkSet) -> None:
        self._installation, self._lines = installation, lines
        self._supervisor: Supervisor = installation.base.supervisor
        self._programs = {
            PYTHON: crowds.COMMAND,
            NODE: node.command(installation.base.folder),
            PAGE: PAGES,
        }
        self._crowds = Crowds(self._supervisor, installation.layout.crowd, installation.base.folder)
        self._token = installation.token()
        self._cookie = installation.cookie()
        self._found: list[Found] = []

    def run(self, cases: Sequence[Case], at_once: int) -> list[Found]:
        """Run all cases and their twins; return what came of them."""
        groups = batches(cases, at_once)
        for number, group in enumerate(groups, 1):
            with say.step(f"Batch {number} of {len(groups)}, {len(group)} followers") as step:
                found = self._run_batch(group)
                self._found += found
                step.note = f"{sum(not one.ended.trouble for one in found)} to the end"
        return self._found

    def _run_batch(self, cases: Sequence[Case]) -> list[Found]:
        jobs = {name: self._installation.job(name) for name in {case.job for case in cases}}
        urls = self._lines.lay(cases, self._installation.ports)
        try:
            for kind in (*FOLLOWERS, PAGE):
                self._send(cases, kind, urls, jobs)
            self._crowds.wait(self._limit(cases), LEAVE_SECONDS)
            ended = {one.number: one for one in self._crowds.ended}
            return list(self._look(cases, ended, jobs))
        finally:
            self._crowds.end()

    def _send(
        self, cases: Sequence[Case], kind: str, urls: Mapping[int, str], jobs: Mapping[str, UUID]
    ) -> None:
        planned = [
            Planned(case.number, f"{urls[case.number]}/jobs/{jobs[case.job]}", WAYS[case.way])
            for case in cases
            if case.follower == kind
        ]
        if planned:
            name = f"{kind}-{planned[0].number}"
            secret = self._cookie if kind == PAGE else self._token
            self._crowds.start(name, secret, planned, _pace(cases), self._programs[kind])

    def _limit(self, cases: Sequence[Case]) -> float:
        """Return after how many seconds all that can still come is too late."""
        needed = verdict.needs(self._found)
        longest = TWINS_SECONDS
        for case in cases:
            live = JOBS[case.job].seconds
            if not case.twin and case.needs in needed:
                longest = max(longest, verdict.bounds(case, needed[case.needs], live).seconds)
            longest = max(longest, live * BEHIND * verdict.TIMES)
        return longest + len(cases) * _pace(cases) + MORE_SECONDS

    def _look(
        self, cases: Sequence[Case], ended: Mapping[int, Ended], jobs: Mapping[str, UUID]
    ) -> Iterator[Found]:
        self._supervisor.tend_until(
            lambda: all(self._installation.rows.has_ended(job) for job in jobs.values()),
            LEAVE_SECONDS,
        )
        texts = {name: self._installation.rows.texts(job) for name, job in jobs.items()}
        logs = {name: Log.of(those) for name, those in texts.items()}
        parsed = {name: Log.of([*map(as_parsed, those)]) for name, those in texts.items()}
        for case in cases:
            log = (parsed if case.follower == PAGE else logs)[case.job]
            end = ended.get(case.number)
            history = self._history(case) if end else History()
            yield Found(
                case,
                end or Ended(case.number, "its process ended", 0, 0),
                account.of(log.prints, history.seqs, history.prints),
                self._lines.traffic(case),
                log.times[-1],
            )

    def _history(self, case: Case) -> History:
        if case.follower != NODE:
            return History.read(self._crowds.histories / str(case.number))
        return node.history(self._crowds.histories / f"{case.number}.texts")


def _pace(cases: Sequence[Case]) -> float:
    alone = all(case.twin and not case.is_live for case in cases)
    return TWIN_PACE_SECONDS if alone else PACE_SECONDS
