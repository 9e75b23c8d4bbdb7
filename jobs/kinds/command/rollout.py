"""The run of a command: group after group; on each target one step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from jobs.db import in_thread
from jobs.kinds.command.params import CommandParams
from jobs.kinds.groups import names_in_words
from jobs.models import Target
from jobs.run import Cancelled, JobFailed, Retry, Run, Step, StepFailed
from jobs.transports.command import CommandFailed, command
from jobs.transports.errors import TransportError

STEP = "run"


class Rollout:
    """One attempt at a command; `go` does it."""

    def __init__(self, run: Run, params: CommandParams) -> None:
        self._run, self._params, self._course = run, params, params.course()
        self._targets: dict[str, Target] = {}
        self._done: list[str] = []
        self._failed: list[str] = []
        self._retry = Retry(
            tries=params.retries + 1, on=(CommandFailed, TransportError, TimeoutError)
        )

    async def go(self) -> dict[str, Any]:
        """Run it everywhere; return how that went. JobFailed where it failed anywhere."""
        self._targets = await in_thread(_targets, self._params.targets)
        if gone := [name for name in self._params.targets if name not in self._targets]:
            raise JobFailed(f"No longer in the inventory: {names_in_words(gone)}.", gone)
        stopped = False
        try:
            for group in self._course.groups():
                stopped = len(self._failed) > self._params.max_failures
                go = self._skip if stopped else self._work
                await self._run.gather(*map(go, group.targets))
        except (Cancelled, asyncio.CancelledError):
            if not self._run.cancelling or self._run.handing_over:
                raise
            raise Cancelled(f"Stopped on request. {self._summary()}") from None
        if self._failed:
            failed = [name for name in self._params.targets if name in self._failed]
            began = "The run stopped: it" if stopped else "It"
            verdict = f"{began} failed on {len(failed)} of {self._course.count()}: "
            raise JobFailed(f"{verdict}{names_in_words(failed)}. {self._summary()}", failed)
        return {"message": self._summary()}

    async def _work(self, name: str) -> None:
        target, worked = self._targets[name], False

        async def run(step: Step) -> None:
            nonlocal worked
            worked = True
            try:
                await command(target, self._params.argv(), step)
            except CommandFailed as failure:
                raise _with_status(failure) from failure

        try:
            await self._run.step(
                STEP, run, target=name, timeout=self._params.timeout_s, retry=self._retry
            )
            self._done.append(name)
        except StepFailed:
            self._failed.append(name)
        if not worked:  # an earlier attempt did, and told of it
            return
        ended = len(self._done) + len(self._failed)
        await self._run.progress(ended, len(self._params.targets), len(self._failed))

    async def _skip(self, name: str) -> None:
        await self._run.skip(STEP, name, f"stopped after {len(self._failed)} failed")

    def _summary(self) -> str:
        return f"It succeeded on {len(self._done)} of {self._course.count()}."


def _with_status(failure: CommandFailed) -> CommandFailed:
    """Return the failure with its exit status said, which its own last line may not do."""
    said, status = str(failure), f"exit status {failure.status}"
    if failure.status is None or said == status:
        return failure
    return CommandFailed(f"{status}: {said}", failure.status)


def _targets(names: Sequence[str]) -> dict[str, Target]:
    return {target.name: target for target in Target.objects.filter(name__in=names)}
