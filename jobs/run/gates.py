"""Words from outside: a run waits for a signal, or for somebody's approval at a gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from core import clock
from jobs.events import EventType, NewEvent
from jobs.run.errors import Rejected, StepFailed

if TYPE_CHECKING:
    from jobs.events.fold import StepState
    from jobs.run.run import Run


@dataclass(frozen=True, slots=True)
class Approval:
    """Who has opened a gate: an actor, the moment (RFC 3339), and why."""

    gate: str
    by: str
    at: str
    reason: str


async def signal(run: Run, name: str, timeout: float | None) -> Any:
    """Return the data of the signal of this name; StepFailed where it does not come in time."""
    ear = _Ear(run, name, *run.ask(name, None))
    await ear.hear({"for": "signal", "name": name}, timeout)
    await ear.end(EventType.STEP_SUCCEEDED, {"result": ear.word})
    return ear.word["data"]


async def gate(
    run: Run, name: str, words: str, not_by_submitter: bool, timeout: float | None
) -> Approval:
    """Return who has approved; Rejected where somebody has said no, StepFailed for nobody."""
    ear = _Ear(run, name, *run.ask(name, None))
    asked = {"gate": name, "words": words, "not_by_submitter": not_by_submitter}
    await ear.hear({"for": "approval", **asked}, timeout)
    who = {key: str(ear.word[key]) for key in ("by", "at", "reason")}
    if ear.word["approved"]:
        await ear.end(EventType.STEP_SUCCEEDED, {"result": ear.word})
        return Approval(name, **who)
    rejected = Rejected(name, **who)
    error = {"type": "Rejected", "message": rejected.message}
    await ear.end(EventType.STEP_FAILED, {"error": error, "result": ear.word})
    raise rejected


@dataclass(slots=True)
class _Ear:
    """A wait for a word, which is a step: what is recorded of it, and how to record more."""

    run: Run
    name: str
    occurrence: int
    recorded: StepState | None

    @property
    def word(self) -> Mapping[str, Any]:
        """What has come, as the fold keeps it with the step."""
        return self.recorded.result if self.recorded and self.recorded.result else {}

    async def hear(self, wait: Mapping[str, Any], timeout: float | None) -> None:
        """Return once the word is there.

        It is heard between attempts, so the run is parked however short the wait is. Raises
        StepFailed after the timeout, now or in an earlier attempt.
        """
        if self.word:
            return
        if self.recorded and self.recorded.status == "failed":
            raise StepFailed(self.name, None, self.recorded.error or {})
        self.run.checkpoint()
        until = self.recorded.until if self.recorded else await self._begin(wait["for"], timeout)
        if until and clock.parse(until) <= self.run.clock():
            error = {"type": "TimeoutError", "message": "nothing came in time"}
            await self.end(EventType.STEP_FAILED, {"error": error})
            raise StepFailed(self.name, None, error)
        self.run.park({**wait, "until": until} if until else wait)

    async def end(self, event_type: EventType, data: Mapping[str, Any]) -> None:
        """Record how the wait has ended, unless that was done before."""
        if self.recorded and self.recorded.status != "running":
            return
        seconds = 0.0
        if self.recorded and self.recorded.started_at:
            waited = self.run.clock() - clock.parse(self.recorded.started_at)
            seconds = round(waited.total_seconds(), 3)
        await self._append(event_type, {"seconds": seconds, **data})

    async def _begin(self, sort: str, timeout: float | None) -> str | None:
        said: dict[str, Any] = {"for": sort}
        if timeout is not None:
            said["until"] = clock.rfc3339(self.run.clock() + timedelta(seconds=timeout))
        await self._append(EventType.STEP_STARTED, said)
        return said.get("until")

    async def _append(self, event_type: EventType, data: Mapping[str, Any]) -> None:
        common = {"try": 1, "occurrence": self.occurrence}
        await self.run.append([NewEvent(event_type, {**common, **data}, self.name)])
