"""Words from outside: a run waits for a signal, or for somebody's approval at a gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

from core import clock
from core.config_values import OTHERS, START
from jobs.events import EventType, NewEvent
from jobs.events.fold import StepState
from jobs.run.attempt import Attempt
from jobs.run.errors import Rejected, StepFailed

START_GATE = "before the start"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who has opened a gate: an actor, the moment (RFC 3339), and why."""

    gate: str
    by: str
    at: str
    reason: str


async def wait_for_signal(run: Attempt, name: str, timeout: float | None) -> Any:
    """Return the data of the signal of this name; StepFailed if it does not come in time."""
    wait = _WordWait(run, name, *run.next_call(name, None))
    await wait.receive({"for": "signal", "name": name}, timeout)
    await wait.end(EventType.STEP_SUCCEEDED, {"result": wait.word})
    return wait.word["data"]


async def wait_for_approval(
    run: Attempt,
    name: str,
    question: str,
    *,
    not_by_submitter: bool = False,
    timeout: float | None = None,
) -> Approval:
    """Return the approval; Rejected if somebody says no, StepFailed if nobody answers in time.

    REPRISE_FOUR_EYES and REPRISE_APPROVALS can make it one that the submitter may not open.
    """
    wait = _WordWait(run, name, *run.next_call(name, None, anew=True))
    others = not_by_submitter or OTHERS in settings.REPRISE.approval_rules(run.kind)
    asked = {"gate": name, "words": question, "not_by_submitter": others}
    await wait.receive({"for": "approval", **asked}, timeout)
    who = {key: str(wait.word[key]) for key in ("by", "at", "reason")}
    if wait.word["approved"]:
        await wait.end(EventType.STEP_SUCCEEDED, {"result": wait.word})
        return Approval(name, **who)
    rejected = Rejected(name, **who)
    error = {"type": "Rejected", "message": rejected.message}
    await wait.end(EventType.STEP_FAILED, {"error": error, "result": wait.word})
    raise rejected


async def wait_for_start(run: Attempt) -> None:
    """Wait until somebody lets the run start, where REPRISE_APPROVALS asks for that.

    A run that has recorded steps goes on as it began: the rule of now is for what has not begun.
    """
    first = run.first_step
    asks = START in settings.REPRISE.approval_rules(run.kind)
    if first == (START_GATE, None, 1) or (first is None and asks):
        await wait_for_approval(run, START_GATE, "Start the run?")


@dataclass(slots=True)
class _WordWait:
    """A wait for a word, which is a step: what is recorded of it, and how to record more."""

    run: Attempt
    name: str
    occurrence: int
    recorded: StepState | None

    @property
    def word(self) -> Mapping[str, Any]:
        """What has come, as the fold keeps it with the step."""
        return self.recorded.result if self.recorded and self.recorded.result else {}

    async def receive(self, wait: Mapping[str, Any], timeout: float | None) -> None:
        """Return once the word is there.

        It is heard between attempts, so the run is parked however short the wait is. Raises
        StepFailed after the timeout, now or in an earlier attempt.
        """
        if self.word:
            return
        if self.recorded and self.recorded.status == "failed":
            raise StepFailed(self.name, None, self.recorded.error or {})
        await self.run.leave_record()
        self.run.checkpoint()
        until = (
            self.recorded.until if self.recorded else await self._record_start(wait["for"], timeout)
        )
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
        await self._append_event(event_type, {"seconds": seconds, **data})

    async def _record_start(self, sort: str, timeout: float | None) -> str | None:
        said: dict[str, Any] = {"for": sort}
        if timeout is not None:
            said["timeout"] = timeout
            said["until"] = clock.rfc3339(self.run.clock() + timedelta(seconds=timeout))
        await self._append_event(EventType.STEP_STARTED, said)
        return said.get("until")

    async def _append_event(self, event_type: EventType, data: Mapping[str, Any]) -> None:
        common = {"try": 1, "occurrence": self.occurrence}
        await self.run.append([NewEvent(event_type, {**common, **data}, self.name)])
