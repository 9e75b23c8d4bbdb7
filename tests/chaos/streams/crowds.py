"""Starts crowds of followers, collects their reports and asks them to leave."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ops.errors import CannotStart
from tests.chaos.hosts import Host
from tests.chaos.streams.crowd import PACE_SECONDS, Ended, Plan, Planned, Report
from tests.chaos.supervised import Supervisor
from tests.support.crowd_process import CrowdProcess

COMMAND = [sys.executable, "-m", "tests.chaos.streams.crowd"]
PROCESSES = 4
#: A report that is older says nothing any more.
FRESH_SECONDS = 3.0


class Crowd:
    """One process of followers. `program` is what reads the plan, followers in Python unless it is
    another."""

    def __init__(self, plan: Plan, host: Host, log: Path, program: Sequence[str] = COMMAND) -> None:
        self.report = Report()
        self.heard_at = 0.0
        self.ended: list[Ended] = []
        self.process = CrowdProcess(program, asdict(plan), log, self._receive, host.command)

    def _receive(self, reported: dict[str, float] | list[dict[str, Any]]) -> None:
        match reported:
            case dict(report):
                self.report, self.heard_at = Report(**report), time.monotonic()  # type: ignore[arg-type]  # as JSON has it
            case list(ended):
                self.ended = [Ended(**one) for one in ended]


class Crowds:
    """The crowds that follow now, on one host, kept by `supervisor`."""

    def __init__(self, supervisor: Supervisor, host: Host, folder: Path) -> None:
        self._supervisor, self._host, self._folder = supervisor, host, folder
        self._all: list[Crowd] = []
        self.histories = folder / "histories"
        self.histories.mkdir()

    def start(
        self,
        name: str,
        token: str,
        followers: Sequence[Planned],
        pace: float = PACE_SECONDS,
        program: Sequence[str] = COMMAND,
    ) -> None:
        """Have these follow in one more process, whose log has this name."""
        plan = Plan(token, str(self.histories), followers, pace)
        crowd = Crowd(plan, self._host, self._folder / f"{name}.log", program)
        self._supervisor.spare(lambda: crowd.process.pid)
        self._all.append(crowd)

    def share(self, token: str, followers: Sequence[Planned]) -> None:
        """Have these follow in several processes, an equal share in each."""
        for number in range(PROCESSES):
            if some := followers[number::PROCESSES]:
                self.start(f"crowd-{number + 1}", token, some)

    @property
    def report(self) -> Report | None:
        """The last second of all together; None if one has said nothing for a while."""
        fresh = time.monotonic() - FRESH_SECONDS
        if any(crowd.heard_at < fresh for crowd in self._all):
            return None
        reported = [crowd.report for crowd in self._all]
        return Report(
            sum(one.events for one in reported),
            max(one.late for one in reported),
            max(one.silent for one in reported),
        )

    def wait(self, seconds: float, leave_seconds: float) -> bool:
        """Wait until all have left; say whether they did so within these seconds.

        Those that have not are then asked to, and get `leave_seconds` for it.
        """
        if self._supervisor.tend_until(self._are_over, seconds):
            return True
        for crowd in self._all:
            crowd.process.ask_to_leave()
        self._supervisor.tend_until(self._are_over, leave_seconds)
        return False

    def watch(self) -> None:
        """CannotStart if one has ended before it said how."""
        for crowd in self._all:
            if crowd.process.is_over and not crowd.ended:
                raise CannotStart(f"A crowd of followers has ended by itself: {crowd.process.log}")

    @property
    def ended(self) -> list[Ended]:
        """How each follower ended, in their order."""
        return sorted((one for crowd in self._all for one in crowd.ended), key=lambda it: it.number)

    def end(self) -> None:
        """End and forget all."""
        while self._all:
            self._all.pop().process.kill()

    def _are_over(self) -> bool:
        return all(crowd.process.is_over for crowd in self._all)
