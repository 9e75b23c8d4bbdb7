"""The run of a version update: group after group, each server through its steps or back.

Every step is the control script of its server (`variables.ctl`), run over the server's transport,
and may be repeated. What was begun on a server is never left lying: a server that fails is rolled
back, and so is one on which the run is stopped half-way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from core.db import read_in_thread
from core.words import counted
from jobs.kinds.batches import names_in_words
from jobs.kinds.version_update import inventory
from jobs.kinds.version_update.params import STEPS, UpdateParams
from jobs.models import Target
from jobs.run import Cancelled, JobFailed, Outcome, Run, Step, StepFailed, Stopped
from jobs.transports import command

# Seconds that a step may take; the control script gives up on its own before.
LIMITS = {
    "preflight": 60,
    "drain": 120,
    "fetch": 600,
    "switch": 60,
    "restart": 90,
    "health": 90,
    "undrain": 60,
    "rollback": 120,
}
ROLLBACK_TRIES = 2


class Update:
    """One attempt at a version update; `go` does it."""

    def __init__(self, run: Run, params: UpdateParams) -> None:
        self._run, self._params = run, params
        self._servers: Mapping[str, Target] = {}

    async def go(self) -> dict[str, Any]:
        """Update everything; return who runs the version now. JobFailed if a server failed."""
        params = self._params
        self._servers = await read_in_thread(inventory.find_servers, params.servers)
        if gone := [name for name in params.servers if name not in self._servers]:
            raise JobFailed(f"No longer in the inventory: {names_in_words(gone)}.", gone)
        try:
            outcome = await self._run.rollout(
                params.servers,
                self._update_server,
                batch=params.batch,
                canary=params.canary,
                max_failures=params.max_failures,
                steps=STEPS,
            )
        except Stopped as stop:
            summary = _success_message(stop.outcome, params.version)
            raise Cancelled(f"Stopped on request. {summary}") from None
        if outcome.failed:
            raise JobFailed(_failure_message(outcome, params.version), outcome.failed)
        return {"message": _success_message(outcome, params.version), "version": params.version}

    async def _update_server(self, name: str) -> None:
        for number, step in enumerate(STEPS):
            if number == 1:  # the first step changes nothing
                self._run.undo(name, partial(self._put_back, name))
            # A healthy server is let back into play even while the run is being stopped.
            await self._run_step(step, name, always=step == STEPS[-1])

    async def _put_back(self, name: str) -> None:
        """Roll a server back; StepFailed if it fails again and again."""
        for left in reversed(range(ROLLBACK_TRIES)):
            try:
                return await self._run_step("rollback", name, always=True)
            except StepFailed:
                if not left:
                    raise
            except asyncio.CancelledError as stop:  # the grace ended this try; there is but one
                self._run.acknowledge_stop(stop)
                if not left:
                    raise JobFailed("The rollback was ended.") from None

    async def _run_step(self, step: str, name: str, always: bool) -> None:
        server = self._servers[name]

        async def work(running: Step) -> None:
            await command(server, [*server.variables["ctl"], step, self._params.version], running)

        await self._run.step(step, work, target=name, timeout=LIMITS[step], always=always)


def _failure_message(outcome: Outcome, version: str) -> str:
    stopped = "The run stopped: " if outcome.skipped else ""
    count = len(outcome.targets)
    failed, stuck = outcome.failed, outcome.stuck
    sentences = [
        f"{stopped}{len(failed)} of {counted(count, 'server')} failed: {names_in_words(failed)}."
    ]
    if stuck:
        sentences.append(f"Could not be rolled back: {names_in_words(stuck)}.")
    return " ".join([*sentences, _success_message(outcome, version)])


def _success_message(outcome: Outcome, version: str) -> str:
    updated, count = len(outcome.done), len(outcome.targets)
    servers = counted(count, "server")
    if updated == count:
        return f"{servers} {'runs' if count == 1 else 'run'} {version}."
    return f"{updated} of {servers} {'runs' if updated == 1 else 'run'} {version} now."
