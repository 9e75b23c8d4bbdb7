"""All cases, in waves: links laid, followers sent, what they were given held to the log."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from ops.setup import say
from tests.chaos.links import node, verdict
from tests.chaos.links.cases import Case, waves
from tests.chaos.links.kinds import FOLLOWERS, JOBS, NODE, PAGE, PYTHON, WAYS
from tests.chaos.links.lines import Lines
from tests.chaos.links.pages import as_parsed
from tests.chaos.links.place import Place
from tests.chaos.links.verdict import Found
from tests.chaos.streams import account, crowds
from tests.chaos.streams.crowd import Ended, Planned
from tests.chaos.streams.crowds import Crowds
from tests.chaos.streams.history import History
from tests.chaos.streams.verdict import Log
from tests.chaos.supervised import Keep

PACE_SECONDS = 0.1
#: Twins have the whole link, so they come one after the other; and some seconds beyond all bounds.
TWIN_PACE_SECONDS, TWINS_SECONDS, MORE_SECONDS = 0.7, 60.0, 5.0
#: What a live job needs is not known before its twins, which run beside it: a follower that gets
#: behind may need so many times the seconds that the job goes on.
BEHIND = 2.0
#: How long a crowd may take to write down what it has.
LEAVE_SECONDS = 60.0
PAGES = [sys.executable, "-m", "tests.chaos.links.pages"]


class Waves:
    """Runs them on a place; of the main thread, which tends it meanwhile."""

    def __init__(self, place: Place, lines: Lines) -> None:
        self._place, self._lines = place, lines
        self._keep: Keep = place.ground.keep
        self._programs = {
            PYTHON: crowds.COMMAND,
            NODE: node.command(place.ground.folder),
            PAGE: PAGES,
        }
        self._crowds = Crowds(self._keep, place.layout.crowd, place.ground.folder)
        self._token = place.token()
        self._cookie = place.cookie()
        self._found: list[Found] = []

    def run(self, cases: Sequence[Case], at_once: int) -> list[Found]:
        """Run all cases and their twins; return what came of them."""
        groups = waves(cases, at_once)
        for number, group in enumerate(groups, 1):
            with say.step(f"Wave {number} of {len(groups)}, {len(group)} followers") as step:
                found = self._wave(group)
                self._found += found
                step.note = f"{sum(not one.ended.trouble for one in found)} to the end"
        return self._found

    def _wave(self, cases: Sequence[Case]) -> list[Found]:
        jobs = {name: self._place.job(name) for name in {case.job for case in cases}}
        urls = self._lines.lay(cases, self._place.ports)
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
        self._keep.tend_until(
            lambda: all(self._place.rows.has_ended(job) for job in jobs.values()), LEAVE_SECONDS
        )
        texts = {name: self._place.rows.texts(job) for name, job in jobs.items()}
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
