"""The run of a version update: group after group, each server through its steps or back.

Every step is the control script of its server (`variables.ctl`), run over the server's transport,
and may be repeated. What was begun on a server is never left lying: a server that fails is rolled
back, and so is one on which the run is stopped half-way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from jobs.db import in_thread
from jobs.kinds.version_update import inventory
from jobs.kinds.version_update.inventory import Server
from jobs.kinds.version_update.params import UpdateParams
from jobs.kinds.version_update.plan import STEPS, groups
from jobs.run import Cancelled, JobFailed, Run, Step, StepFailed
from jobs.transports.command import command

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
NAMES_SPELT_OUT = 8


class Rollout:
    """One attempt at a version update; `go` does it."""

    def __init__(self, run: Run, params: UpdateParams) -> None:
        self._run, self._params = run, params
        self._servers: dict[str, Server] = {}
        self._outcome: dict[str, str] = {}  # by server: updated, failed, stuck, skipped
        self._worked: set[str] = set()  # servers on which this attempt did something
        self._told = (0, 0)

    async def go(self) -> dict[str, Any]:
        """Update everything; return who runs the version now. JobFailed where a server failed."""
        self._servers = await in_thread(inventory.servers, self._params.servers)
        if gone := [name for name in self._params.servers if name not in self._servers]:
            raise JobFailed(f"No longer in the inventory: {_names(gone)}.", gone)
        try:
            for group in groups(self._params):
                if len(self._failed()) > self._params.max_failures:
                    await self._skip(group.targets)
                else:
                    await self._run.gather(*map(self._update, group.targets))
        except (Cancelled, asyncio.CancelledError):
            if not self._is_stopping():
                raise
            raise Cancelled(f"Stopped on request. {self._summary()}") from None
        await self._tell()
        if self._is_stopping() and len(self._with("updated")) < len(self._params.servers):
            raise Cancelled(f"Stopped on request. {self._summary()}")
        if failed := self._failed():
            raise JobFailed(self._verdict(failed), failed)
        return {"message": self._summary(), "version": self._params.version}

    async def _update(self, name: str) -> None:
        reached = STEPS[0]
        try:
            for reached in STEPS:
                # A healthy server is let back into play even while the run is being stopped.
                await self._step(reached, name, always=reached == STEPS[-1])
        except StepFailed:
            self._outcome[name] = "failed"
            await self._put_back(name, reached)
        except (Cancelled, asyncio.CancelledError) as stop:
            self._heed(stop)
            await self._put_back(name, reached)
            raise Cancelled from None
        else:
            self._outcome[name] = "updated"
        if name in self._worked:
            await self._tell()

    async def _put_back(self, name: str, reached: str) -> None:
        """Roll back a server that came as far as the step `reached`."""
        if reached == STEPS[0]:  # it changes nothing
            return
        for _ in range(ROLLBACK_TRIES):
            try:
                await self._step("rollback", name, always=True)
                return
            except StepFailed:
                continue
            except asyncio.CancelledError as stop:  # the grace ended this try; there is but one
                self._heed(stop)
        self._outcome[name] = "stuck"

    def _is_stopping(self) -> bool:
        """Return whether somebody asked for the run to stop, and it is this worker's to end."""
        return self._run.cancelling and not self._run.handing_over

    def _heed(self, stop: BaseException) -> None:
        """Take note of a stop, to put back what was begun; any other end goes on its way."""
        if not self._is_stopping():
            raise stop
        task = asyncio.current_task()
        if isinstance(stop, asyncio.CancelledError) and task:
            task.uncancel()

    async def _step(self, step: str, name: str, always: bool) -> None:
        server = self._servers[name]

        async def work(running: Step) -> None:
            self._worked.add(name)
            await command(server, [*server.ctl, step, self._params.version], running)

        await self._run.step(step, work, target=name, timeout=LIMITS[step], always=always)

    async def _skip(self, names: Sequence[str]) -> None:
        for name in names:
            self._outcome[name] = "skipped"
        reason = f"stopped after {len(self._failed())} failed"
        wanted = [self._run.skip(step, name, reason) for name in names for step in STEPS]
        await self._run.gather(*wanted)

    async def _tell(self) -> None:
        """Log the progress, unless it is as it was: servers through with it, those that failed."""
        ended = sum(1 for outcome in self._outcome.values() if outcome != "skipped")
        now = (ended, len(self._failed()))
        if now != self._told:
            self._told = now
            await self._run.progress(ended, len(self._params.servers), len(self._failed()))

    def _failed(self) -> list[str]:
        return self._with("failed", "stuck")

    def _with(self, *outcomes: str) -> list[str]:
        return [name for name in self._params.servers if self._outcome.get(name) in outcomes]

    def _verdict(self, failed: list[str]) -> str:
        count = len(self._params.servers)
        stopped = "The run stopped: " if self._with("skipped") else ""
        sentences = [f"{stopped}{len(failed)} of {_servers(count)} failed: {_names(failed)}."]
        if stuck := self._with("stuck"):
            sentences.append(f"Could not be rolled back: {_names(stuck)}.")
        return " ".join([*sentences, self._summary()])

    def _summary(self) -> str:
        updated, count = len(self._with("updated")), len(self._params.servers)
        version = self._params.version
        if updated == count:
            return f"{_servers(count)} {'runs' if count == 1 else 'run'} {version}."
        return f"{updated} of {_servers(count)} {'runs' if updated == 1 else 'run'} {version} now."


def _servers(count: int) -> str:
    return "1 server" if count == 1 else f"{count} servers"


def _names(names: Sequence[str]) -> str:
    if len(names) <= NAMES_SPELT_OUT:
        return ", ".join(names)
    return f"{', '.join(names[:NAMES_SPELT_OUT])} and {len(names) - NAMES_SPELT_OUT} more"
