"""Kind `version-update`: the main job of the service, over whatever transport its targets have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.words import counted
from jobs.kinds import Kind, Plan
from jobs.kinds.batches import BatchPlan
from jobs.kinds.version_update import inventory
from jobs.kinds.version_update.params import STEPS, UpdateParams
from jobs.kinds.version_update.rollout import Update
from jobs.run import Run
from jobs.targets import expand_names


class VersionUpdate(Kind[UpdateParams]):
    """Brings servers to a version: canaries first, then batch by batch; what fails is put back."""

    name = "version-update"
    title = "Version update"
    description = (
        "Brings servers to another version, a few at a time; a failing one is rolled back."
    )
    Params = UpdateParams

    def title_for(self, params: UpdateParams) -> str:
        """Return "Update to 1.5.0 · 12 servers"."""
        names = params.servers
        on = names[0] if len(names) == 1 else counted(len(names), "server")
        return f"Update to {params.version} · {on}"

    def settle(self, params: UpdateParams) -> UpdateParams:
        """Put the servers' names in place of selectors."""
        return params.model_copy(update={"servers": expand_names(params.servers, "/servers")})

    def plan(self, params: UpdateParams) -> Plan:
        """Return the steps, the groups and the plan in words."""
        batches = BatchPlan(
            params.servers, params.batch, params.canary, params.max_failures, "server"
        )
        return Plan(list(STEPS), batches.groups(), batches.words())

    def targets(self, params: UpdateParams) -> list[str]:
        """Return the servers: nobody else may work on them meanwhile."""
        return params.servers

    def check(self, params: UpdateParams) -> None:
        """Raise InvalidParams for servers and versions that are not there."""
        inventory.check_params(params)

    def choices(self) -> Mapping[str, list[str]]:
        """Return the servers that can be updated, and the versions that there are."""
        return inventory.find_choices()

    async def run(self, run: Run, params: UpdateParams) -> dict[str, Any]:
        """Do the update; JobFailed if any server failed."""
        return await Update(run, params).go()
