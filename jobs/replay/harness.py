"""A test harness for kinds: `run` runs a handler in memory, on virtual time.

```python
ran = await harness.run(Deploy, {"servers": ["web-1"]}, steps={"fetch": "1.5.0"})
assert ran.status == "succeeded"
assert [step.step for step in ran.steps(target="web-1")] == ["fetch", "switch"]
```

It is the run API of the service with a log in memory: no Postgres, no project, no settings. Sleeps,
retries, timeouts and gates take no time. What ran is a history (`ran.history`), which can be kept
(`ran.save`) and replayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from core.files import whole_file
from jobs.events import Event
from jobs.events.fold import State, StepState
from jobs.kinds import Kind
from jobs.replay.history import History
from jobs.replay.memory_run import complete_run
from jobs.replay.minimal_django import ensure_django
from jobs.replay.script import EachTry, Script, StepName, UnnamedStep
from jobs.replay.virtual_time import StuckRun

P = TypeVar("P", bound=BaseModel)

__all__ = ["CompletedRun", "StuckRun", "UnnamedStep", "each_try", "run", "run_sync"]


@dataclass(frozen=True)
class CompletedRun:
    """A run that has ended: its history, and what that folds to."""

    history: History
    state: State

    @property
    def events(self) -> tuple[Event, ...]:
        """All events."""
        return self.history.events

    @property
    def status(self) -> str:
        """`succeeded`, `failed` or `cancelled`."""
        return self.state.summary.status

    @property
    def message(self) -> str:
        """What the job's end says."""
        return self.state.summary.message

    @property
    def result(self) -> Any:
        """What the handler returned; None if it did not come to that."""
        return self.events[-1].data.get("result")

    def steps(self, name: str | None = None, target: str | None = None) -> list[StepState]:
        """Return the steps in the order of their first starts; of a name or a target, if given."""
        return [
            step
            for step in self.state.steps.values()
            if name in (None, step.step) and target in (None, step.target)
        ]

    def save(self, path: Path) -> None:
        """Write the history, an event a line, as `jobs.replay.history.load_history` reads it."""
        with whole_file(path) as file:
            file.writelines(f"{text}\n".encode() for text in self.history.texts)


def each_try(*outcomes: Any) -> EachTry:
    """Return what a step does try after try: `each_try(OSError("busy"), "done")`.

    The last holds from there on. The tries of each target count for themselves.
    """
    return EachTry(outcomes)


async def run(
    kind: type[Kind[P]] | Kind[P],
    params: P | Mapping[str, Any] | None = None,
    steps: Mapping[StepName, Any] | None = None,
    *,
    signals: Mapping[str, Any] | None = None,
    approvals: Mapping[str, bool | None] | bool | None = True,
    credentials: Mapping[str, str] | None = None,
    cancel_at: StepName | None = None,
    only_named: bool = False,
) -> CompletedRun:
    """Run a kind's handler to its end and return what it did.

    `steps` says what steps do instead of their functions, by name or by `(name, target)`: a result
    is returned, an exception raised, a function called with the `Step`, `each_try(…)` goes on with
    each try. A step that is not named runs its own function; with `only_named` it fails the test
    (UnnamedStep).

    `signals` has the data of each signal. Gates are approved, unless `approvals` says False
    (rejected) or None (nobody answers), for all or by gate. `credentials` are values by name.
    `cancel_at` names a step, sleep, gate or signal: the job is stopped while the run is there.

    The handler has an event loop of its own, in a thread. Raises StuckRun if the run waits for
    what never comes, InvalidParams if the params do not fit.
    """
    script = Script(steps or {}, signals or {}, approvals, credentials or {}, cancel_at, only_named)
    return await asyncio.to_thread(_complete_run, kind, params, script)


def run_sync(
    kind: type[Kind[P]] | Kind[P],
    params: P | Mapping[str, Any] | None = None,
    steps: Mapping[StepName, Any] | None = None,
    **script: Any,
) -> CompletedRun:
    """As `run`, for a test that is an ordinary function."""
    return asyncio.run(run(kind, params, steps, **script))


def _complete_run(
    kind: type[Kind[P]] | Kind[P], params: P | Mapping[str, Any] | None, script: Script
) -> CompletedRun:
    ensure_django()
    made = kind() if isinstance(kind, type) else kind
    given = params if isinstance(params, BaseModel) else made.read(params or {})
    log = complete_run(made, given, script, uuid4())
    history = History(log.job, made.name, tuple(log.texts), {})
    return CompletedRun(history, log.state)
