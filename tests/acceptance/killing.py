"""Kills a worker in mid-run at chosen moments, by watching from outside.

Two things can be watched: the log (what is recorded) and the fleet's folders (what has really
happened). A kill that follows an effect at once comes before its record.
"""

from __future__ import annotations

import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from ops.launcher.processes import Process
from tests.acceptance.effects import Effect, Effects
from tests.acceptance.process_search import with_environment
from tests.acceptance.up import Up
from tests.support.waiting import until

LOOK_SECONDS = 0.002
# A job fails when 5 attempts in a row lose their worker without ending a step (`max_attempts`), so
# the attempt after this many losses is killed only once it has recorded a step.
LOSSES_IN_A_ROW = 3
STEP_ENDS = ("step.succeeded", "step.failed", "step.retried", "step.skipped")
STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain")
Seen = Effect | bool


@dataclass(frozen=True)
class Kill:
    """One kill: the moment that it aimed at, the attempt that it ended, the effect it followed."""

    aim: str
    job: str
    attempt: int
    effect: Effect | None = None


class Executioner:
    """Ends attempts of one copy's jobs by SIGKILL; `kills` says which."""

    def __init__(self, up: Up, rng: random.Random) -> None:
        self.up, self.rng = up, rng
        self.kills: list[Kill] = []
        self._hung: defaultdict[str, set[str]] = defaultdict(set)  # steps, by job
        self._aims: dict[str, Callable[[str], Seen]] = {
            "effect": self._after_an_effect,
            "recorded": self._after_a_record,
            "started": self._after_a_start,
            "hanging": self._while_a_step_hangs,
            "taken": self._soon_after_taking,
        }

    def kill_as_planned(self, job: str, aims: list[str]) -> None:
        """Kill the job's workers, one attempt after the other, until it ends or `aims` is empty."""
        while aims and self.kill_one(job, aims[-1]):
            aims.pop()

    def kill_one(self, job: str, aim: str) -> bool:
        """Kill the job's worker, once, at such a moment; False where the job ends before."""
        while attempt := self._next_attempt(job):
            if self._losses_in_a_row(job) >= LOSSES_IN_A_ROW:
                aim = "recorded"
            seen = self._aims[aim](job)
            if seen and self._killed(job, attempt):
                effect = seen if isinstance(seen, tuple) else None
                self.kills.append(Kill(aim, job, attempt["attempt"], effect))
                return True
        return False

    def _killed(self, job: str, attempt: dict[str, Any]) -> bool:
        worker = Process.of(int(attempt["data"]["worker"].rpartition("/")[2]))
        fence = self.up.rows.fence(job)
        if worker is None or self._newest_attempt(job) != attempt or self.up.rows.has_ended(job):
            return False  # it has ended by itself, or handed the job over
        worker.send(signal.SIGKILL)
        until(lambda: not worker.is_alive(), "the worker's death", pause=LOOK_SECONDS)

        def all_gone() -> bool:
            left = with_environment(REPRISE_JOB=job, REPRISE_FENCE=str(fence))
            assert not left or self.up.rows.fence(job) == fence, f"outlived their worker: {left}"
            return not left

        until(all_gone, "the end of what the worker had started", pause=LOOK_SECONDS)
        return True

    def _losses_in_a_row(self, job: str) -> int:
        """Count the attempts that lost their worker since a step last ended."""
        losses = 0
        for event in reversed(self.up.rows.events(job)):
            if event["type"] in STEP_ENDS:
                break
            losses += "lost" in event["data"]
        return losses

    def _next_attempt(self, job: str) -> dict[str, Any] | None:
        """Wait for an attempt that was not killed yet; None where the job ends without one."""
        killed = {kill.attempt for kill in self.kills if kill.job == job}

        def look() -> dict[str, Any] | bool | None:
            if self.up.rows.has_ended(job):
                return True
            newest = self._newest_attempt(job)
            return newest if newest and newest["attempt"] not in killed else None

        found = until(look, lambda: f"another attempt or the end; {self._stands(job)}")
        return found if isinstance(found, dict) else None

    def _newest_attempt(self, job: str) -> dict[str, Any] | None:
        started = self.up.rows.events(job, "attempt.started")
        return started[-1] if started else None

    def _soon_after_taking(self, job: str) -> Seen:
        time.sleep(self.rng.uniform(0, 0.2))
        return True

    def _after_a_record(self, job: str) -> Seen:
        return self._after_events(job, "step.succeeded", self.rng.randint(1, 3), within=0.05)

    def _after_a_start(self, job: str) -> Seen:
        return self._after_events(job, "step.started", self.rng.randint(1, 4), within=0.1)

    def _while_a_step_hangs(self, job: str) -> Seen:
        """A command runs that would never end by itself, so it must be ended with its worker."""
        step = self.rng.choice(STEPS)
        self._hung[job].add(step)
        for name in self.up.servers:
            self.up.fleet.fail(name, step, how="hang")
        seen = self._watch(job, lambda: self._hangs(job))
        time.sleep(self.rng.uniform(0, 0.15))
        for name in self.up.servers:  # those that hang already go on doing so
            self.up.fleet.forgive(name)
        return bool(seen)

    def _hangs(self, job: str) -> bool:
        """Return whether the newest attempt is in a step that was made to hang.

        Now or earlier: one that met an attempt which we failed to kill hangs in the next as well.
        """
        newest = self._newest_attempt(job)
        events = self.up.rows.events(job, "step.%", after=newest["seq"] if newest else 0)
        state = {
            (event["target"], event["step"]): event["type"]
            for event in events
            if event["step"] in self._hung[job]
        }
        return bool(set(state.values()) & {"step.started", "step.output"})

    def _after_events(self, job: str, kind: str, count: int, within: float) -> Seen:
        """Wait for so many more events of a type, then for a moment."""
        began = self.up.rows.head(job)
        seen = self._watch(job, lambda: len(self.up.rows.events(job, kind, began)) >= count)
        time.sleep(self.rng.uniform(0, within))
        return bool(seen)

    def _after_an_effect(self, job: str) -> Seen:
        effects, wanted = Effects(self.up.fleet, self.up.servers), self.rng.randint(1, 3)
        met: list[Effect] = []

        def look() -> Effect | None:
            met.extend(effects.new())
            return met[-1] if len(met) >= wanted else None

        seen = self._watch(job, look)
        return seen or False

    def _watch(self, job: str, look: Callable[[], Seen | None]) -> Seen | None:
        """Return the first thing seen; None where the job ends before."""
        asked_at, ended = 0.0, False

        def look_again() -> Seen | None:
            nonlocal asked_at, ended
            if seen := look():
                return seen
            if time.monotonic() - asked_at > 0.1:
                ended = self.up.rows.has_ended(job)
                asked_at = time.monotonic()
            return ended

        what = f"a moment to kill {job} at"
        seen = until(look_again, lambda: f"{what}; {self._stands(job)}", LOOK_SECONDS)
        return None if ended else cast(Seen, seen)

    def _stands(self, job: str) -> str:
        """Say how it stands, for a failure."""
        events = self.up.rows.events(job)
        return f"its log ends with {events[-1:]}, the last kill was {self.kills[-1:]}"
