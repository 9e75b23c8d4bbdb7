"""A run in memory, from its submission to its end: what the harness does with a handler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from core import clock
from jobs.events import EventType, NewEvent
from jobs.events.extensions import submission_events
from jobs.events.fold import CANCELLING, RUNNING, WAITING
from jobs.kinds.kind import AnyKind
from jobs.replay.memory_log import MemoryLog
from jobs.replay.script import EachTry, Script, StepName, UnnamedStep
from jobs.replay.virtual_time import StuckRun, VirtualLoop, run_virtual
from jobs.run import Parked, Run, call_handler, parking_events
from jobs.run.gates import wait_for_start
from jobs.run.outcome import append_ending, ending_of
from jobs.secrets import field
from jobs.secrets.vault import OpenCredential, Vault

ACTOR, WORKER, PERSON = "user:harness", "worker:harness", "user:approver"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)  # the same in every history that is kept


def complete_run(kind: AnyKind, params: Any, script: Script, job: UUID) -> MemoryLog:
    """Submit a job in memory and run its handler until it has ended; return its log."""
    run = _Memory(kind, params, script, job)
    run_virtual(run.complete)
    if run.problem is not None:
        raise run.problem
    return run.log


class _Memory:
    """One job in memory: its log, and what comes to it from outside."""

    def __init__(self, kind: AnyKind, params: Any, script: Script, job: UUID) -> None:
        self.kind, self.params, self.script = kind, params, script
        self.secrets = field.take_secrets(params)
        self.log = MemoryLog(job, self.now)
        self.problem: UnnamedStep | None = None
        self.own_functions = 0  # of steps, at work now
        self._calls: Counter[tuple[str, str | None]] = Counter()
        self._loop: VirtualLoop | None = None

    def now(self) -> datetime:
        """Return the virtual time."""
        return BEGAN + timedelta(seconds=self._loop.time() if self._loop else 0)

    async def complete(self, loop: VirtualLoop) -> None:
        """Attempt after attempt, until the job has ended."""
        self._loop, loop.counts_io = loop, lambda: self.own_functions > 0
        self.log.add(self._submission_events(), ACTOR)
        while not self.log.state.summary.terminal:
            run = self._begin_attempt()
            loop.is_busy = partial(_has_busy_threads, run)
            try:
                await append_ending(run, await ending_of(run, partial(self._work, run)))
            except Parked:
                self._park(run)

    def stop_at(self, *names: StepName) -> bool:
        """Stop the job if that is to happen where this is begun; return whether it was."""
        stops = self.script.cancel_at in names and self.log.state.summary.status != CANCELLING
        if stops:
            self.log.add([NewEvent(EventType.JOB_CANCEL_REQUESTED)], PERSON)
        return stops

    def outcome_of(self, name: str, target: str | None) -> tuple[bool, Any]:
        """Return whether a step is named, and if so what it does this time."""
        steps, call = self.script.steps, (name, target)
        found: list[StepName] = [key for key in (call, name) if key in steps]
        if not found:
            if self.script.only_named:
                self.problem = UnnamedStep(f"The step {name} runs, and is not named in `steps`.")
                raise self.problem
            return False, None
        outcome = steps[found[0]]
        if isinstance(outcome, EachTry):
            self._calls[call] += 1
            outcome = outcome.outcomes[min(self._calls[call], len(outcome.outcomes)) - 1]
        return True, outcome

    def _submission_events(self) -> list[NewEvent]:
        kind, params = self.kind, self.params
        data = {
            "kind": kind.name,
            "title": kind.title_for(params),
            "params": kind.dump(params),
            "labels": {},
            "plan": kind.plan(params).as_dict(),
            "team": None,
            "total": kind.total(params),
            "retry_of": None,
        }
        return submission_events(data)

    def _begin_attempt(self) -> _MemoryRun:
        self.log.add([NewEvent(EventType.ATTEMPT_STARTED, {"worker": "harness"})], WORKER)
        return _MemoryRun(self)

    async def _work(self, run: Run) -> Any:
        await wait_for_start(run)
        run.vault.hold(self.secrets)
        run.vault.wanted.update(name for _, name in field.credential_names(self.params))
        result = await call_handler(self.kind.run, run, self.params)
        run.check_replayed()
        return result

    def _park(self, run: Run) -> None:
        """Record what the run waits for, and let the first of it come."""
        if self.log.state.summary.status == RUNNING:
            self.log.add(run.vault.masked(parking_events(run.waits)), WORKER)
        if self.log.state.summary.status == WAITING and not self._answer_waits():
            self._pass_time()

    def _answer_waits(self) -> bool:
        """Give the first answer that there is for what the run waits for; False if none."""
        for wait in self.log.state.summary.waiting_for:
            name = str(wait.get("gate") or wait.get("name"))
            if self.stop_at(name):
                return True
            if (answer := self._find_answer(wait["for"], name)) is not None:
                self.log.add([answer], PERSON)
                return True
        return False

    def _find_answer(self, sort: str, name: str) -> NewEvent | None:
        script = self.script
        if sort == "signal" and name in script.signals:
            said = {"signal": name, "data": script.signals[name]}
            return NewEvent(EventType.JOB_RESUMED, said)
        answers = script.approvals
        approved = answers.get(name, True) if isinstance(answers, Mapping) else answers
        if sort != "approval" or approved is None:
            return None
        answer = EventType.JOB_APPROVED if approved else EventType.JOB_REJECTED
        return NewEvent(answer, {"gate": name, "reason": ""})

    def _pass_time(self) -> None:
        due = self.log.state.summary.due_at
        if due is None or self._loop is None:
            waits = ", ".join(map(str, self.log.state.summary.waiting_for))
            raise StuckRun(f"The run waits for what the test does not give: {waits}.")
        left = (clock.parse(due) - self.now()).total_seconds()
        self._loop.moment += max(left, 0)


class _MemoryRun(Run):
    """An attempt in memory: its steps do what the test says."""

    def __init__(self, memory: _Memory) -> None:
        summary = memory.log.state.summary
        super().__init__(memory.log.job, 1, summary.attempt, WORKER, memory.log, memory.kind.name)
        self._memory = memory
        self.open_wanted = self._open_credentials
        self.load_steps(memory.log.state.steps, summary.status, summary.last_at or "")

    def clock(self) -> datetime:
        """Return the virtual time."""
        return self._memory.now()

    async def call_step(self, fn: Any, step: Any) -> Any:
        """Do what the test says the step does, else call its function."""
        if self._memory.stop_at(step.name, (step.name, step.target)):
            self.set_requests(cancelling=True)
        is_named, outcome = self._memory.outcome_of(step.name, step.target)
        if is_named and isinstance(outcome, type) and issubclass(outcome, BaseException):
            raise outcome
        if isinstance(outcome, BaseException):
            raise outcome
        if is_named and not callable(outcome):
            return outcome
        self._memory.own_functions += 1
        try:
            return await super().call_step(outcome if is_named else fn, step)
        finally:
            self._memory.own_functions -= 1

    async def _open_credentials(self, vault: Vault, names: Collection[str]) -> None:
        given = self._memory.script.credentials
        vault.put([OpenCredential(name, "secret", given[name]) for name in names])


def _has_busy_threads(run: Run) -> bool:
    return run.busy_threads > 0
