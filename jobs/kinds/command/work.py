"""The run of a command: a rollout, on each target one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.db import read_in_thread
from core.words import counted
from jobs.kinds.batches import names_in_words
from jobs.kinds.command.params import CommandParams
from jobs.models import Target
from jobs.run import Cancelled, JobFailed, Outcome, Retry, Run, Step, Stopped
from jobs.transports.errors import TransportError
from jobs.transports.run_command import CommandFailed, command, status_words

STEP = "run"


async def run_everywhere(run: Run, params: CommandParams) -> dict[str, Any]:
    """Run the command on all targets; return how that went. JobFailed if it failed anywhere."""
    targets = await read_in_thread(_load_targets, params.targets)
    if gone := [name for name in params.targets if name not in targets]:
        raise JobFailed(f"No longer in the inventory: {names_in_words(gone)}.", gone)
    try:
        outcome = await run.rollout(
            params.targets,
            _Work(run, params, targets),
            batch=params.batch,
            canary=params.canary,
            max_failures=params.max_failures,
            pause_after_canary=params.pause_after_canary,
            not_by_submitter=params.not_by_submitter,
            steps=[STEP],
        )
    except Stopped as stop:
        raise Cancelled(f"Stopped on request. {_success_message(stop.outcome)}") from None
    if outcome.failed:
        raise JobFailed(_failure_message(outcome), outcome.failed)
    return {"message": _success_message(outcome)}


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done on each target."""

    run: Run
    params: CommandParams
    targets: Mapping[str, Target]

    async def __call__(self, name: str) -> None:
        params = self.params
        worth_another = (CommandFailed, TransportError, TimeoutError)
        await self.run.step(
            STEP,
            self._run_step,
            target=name,
            timeout=params.timeout_s,
            retry=Retry(tries=params.retries + 1, on=worth_another),
        )

    async def _run_step(self, step: Step) -> None:
        try:
            await command(self.targets[step.target or ""], self.params.argv(), step)
        except CommandFailed as failure:
            raise _with_status(failure) from failure


def _with_status(failure: CommandFailed) -> CommandFailed:
    """Return the failure with its exit status said, which its own last line may not do."""
    if failure.status is None or (said := str(failure)) == status_words(failure.status):
        return failure
    return CommandFailed(f"{status_words(failure.status)}: {said}", failure.status)


def _failure_message(outcome: Outcome) -> str:
    began = "The run stopped: it" if outcome.skipped else "It"
    failed = f"{began} failed on {len(outcome.failed)} of {_count_words(outcome)}"
    return f"{failed}: {names_in_words(outcome.failed)}. {_success_message(outcome)}"


def _success_message(outcome: Outcome) -> str:
    return f"It succeeded on {len(outcome.done)} of {_count_words(outcome)}."


def _count_words(outcome: Outcome) -> str:
    return counted(len(outcome.targets), "target")


def _load_targets(names: Sequence[str]) -> dict[str, Target]:
    return {target.name: target for target in Target.objects.filter(name__in=names)}
