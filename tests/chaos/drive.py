"""Submits one run, applies its fault at the planned moment and judges the outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.chaos import checks, kinds, leftovers
from tests.chaos.base_servers import LEASE_SECONDS, SILENCE_SECONDS, SWEEP_SECONDS
from tests.chaos.checks import Event, Finding, Seen, Server
from tests.chaos.faults import ACTS, Missed, Scene
from tests.chaos.installation import Installation
from tests.chaos.plan import FAULTY, Planned
from tests.chaos.rows import GaveUp

LOOK_SECONDS = 0.05
# A dead worker's run goes on after lease and sweep; one of the control script's own waits may take
# 15 s, as may an open transaction of a host that is gone; the rest is for a machine that is busy.
QUIET_SECONDS = LEASE_SECONDS + 2 * SWEEP_SECONDS + 36.0
# What a command has to end in by itself when its run is over: silence, TERM, KILL, and as above.
GONE_SECONDS = SILENCE_SECONDS + 18.0
HOW = {"batch": 2, "canary": 1, "max_failures": 1}


@dataclass
class Outcome:
    """What came of one run: its fault, what was seen, and what is wrong with it."""

    planned: Planned
    job: UUID | None = None
    seen: Seen | None = None
    fault: str = ""
    missed: bool = False
    came: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)


class Drive:
    """A run to be driven by a thread of its own; `go` does it."""

    def __init__(self, installation: Installation, planned: Planned) -> None:
        self.installation, self.planned, self.site = (
            installation,
            planned,
            installation.sites[planned.site],
        )
        self.outcome = Outcome(planned)
        self.texts: list[str] = []
        self.events: list[Event] = []

    def go(self) -> Outcome:
        """Submit it, break what is planned, wait for its end, and judge what was seen."""
        outcome, began = self.outcome, time.monotonic()
        before = self._look()
        key = f"chaos-{self.planned.number}"
        wanted = self.planned.version
        params = {"servers": self.site.names, "version": wanted, **HOW}
        outcome.job = job = self.installation.rows.submit(key, "version-update", params)
        given_up = self._watch(job)
        left = self._left(job)
        outcome.seen = Seen(
            wanted=wanted,
            before=before,
            after=self._look(),
            texts=self.installation.rows.texts(job),
            read=self.texts,
            left=left,
            broken=self.installation.rows.broken(job),
            troubles=list(self.installation.troubles),
            limit=QUIET_SECONDS,
            given_up=given_up,
        )
        outcome.findings = checks.judge(outcome.seen)
        outcome.seconds = time.monotonic() - began
        self._tidy(outcome.seen.after)
        return outcome

    def _look(self) -> dict[str, Server]:
        return {name: self.site.look(name) for name in self.site.names}

    def _watch(self, job: UUID) -> float | None:
        """Read the log as it grows, to its end; the fault comes on the way.

        Return the moment when the end was not waited for any more, None if it came.
        """
        while not self._is_over():
            self._read(job)
            begun = sum(1 for event in self.events if event["type"] == "step.started")
            if not self.outcome.fault and begun >= self.planned.after:
                self._break(job)
            if self._is_stuck():
                return time.time()
            if self.installation.stopping.wait(LOOK_SECONDS):
                raise GaveUp("stopped")
        if not self.outcome.fault:
            self._miss("the run had ended")
        return None

    def _read(self, job: UUID) -> None:
        new = self.installation.rows.texts(job, len(self.texts))
        self.texts += new
        self.events += map(json.loads, new)

    def _is_over(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in checks.ENDINGS

    def _is_stuck(self) -> bool:
        if not self.events:
            return False
        last = datetime.fromisoformat(self.events[-1]["at"]).timestamp()
        return checks.uncovered((last, time.time()), self.installation.troubles) > QUIET_SECONDS

    def _break(self, job: UUID) -> None:
        scene = Scene(self.installation, self.site, self.planned, job)
        self.installation.stopping.wait(self.planned.delay)
        last = self.events[-1] if self.events else {}
        self.outcome.came = {
            "at": datetime.now().astimezone().isoformat(timespec="milliseconds"),
            "seq": last.get("seq", 0),
            "last": " ".join(filter(None, map(last.get, ("type", "step", "target")))),
        }
        try:
            self.outcome.fault = ACTS[self.planned.fault](scene)
        except Missed as missed:
            self._miss(str(missed))

    def _miss(self, why: str) -> None:
        self.outcome.fault, self.outcome.missed = f"none: {why}", True

    def _left(self, job: UUID) -> list[str]:
        """Wait for the end of the run's commands; return those that do not end."""
        deadline = time.monotonic() + GONE_SECONDS
        while (left := leftovers.of([str(job)])) and time.monotonic() < deadline:
            self.installation.stopping.wait(LOOK_SECONDS)
        return left

    def _tidy(self, after: Mapping[str, Server]) -> None:
        """Let players in again where a rollback could not, so that the next run begins as usual."""
        for name, server in after.items():
            if server.draining:
                self.site.let_in(name)


class FaultyDrive(Drive):
    """A run of a kind that misbehaves (`tests.chaos.kinds`): no server has a part in it."""

    def go(self) -> Outcome:
        """Submit it, wait for its end, and judge what was seen."""
        outcome, began, rows = self.outcome, time.monotonic(), self.installation.rows
        name = self.planned.fault.removeprefix(FAULTY)
        key = f"chaos-{self.planned.number}"
        outcome.fault = f"its own code: {name}"
        outcome.job = job = rows.submit(key, kinds.Faulty.name, {"fault": name})
        given_up = self._watch(job)
        outcome.seen = Seen(
            wanted="",
            before={},
            after={},
            texts=rows.texts(job),
            read=self.texts,
            left=self._left(job),
            broken=rows.broken(job),
            troubles=list(self.installation.troubles),
            limit=QUIET_SECONDS,
            given_up=given_up,
        )
        if name == kinds.KILL:
            begun = (event for event in outcome.seen.events if event["type"] == "attempt.started")
            self.installation.pardon(
                int(event["data"]["worker"].rpartition("/")[2]) for event in begun
            )
        reported = checks.fails_with(outcome.seen, kinds.FAULTS[name].words)
        outcome.findings = [*checks.judge(outcome.seen), *reported]
        outcome.seconds = time.monotonic() - began
        return outcome
