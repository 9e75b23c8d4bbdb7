"""In which groups a version update goes through its servers, and how that is said. Pure."""

from __future__ import annotations

from core.words import counted
from jobs.kinds import Group, Plan
from jobs.kinds.batches import BatchPlan
from jobs.kinds.version_update.params import UpdateParams

STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain")


def make_plan(params: UpdateParams) -> Plan:
    """Return steps, groups and words of an update."""
    return Plan(list(STEPS), plan_groups(params), plan_words(params))


def plan_groups(params: UpdateParams) -> list[Group]:
    """Return the canaries, where there are any, and then the batches."""
    return _batch_plan(params).groups()


def plan_words(params: UpdateParams) -> str:
    """Return the plan in a few sentences.

    "12 servers in 4 batches: gs-001 first, then 4, 4, 3. Stops after 2 failures. If gs-001 fails,
    it goes no further."
    """
    return _batch_plan(params).words()


def default_title(params: UpdateParams) -> str:
    """Return what a job with these parameters is called unless its submitter names it."""
    names = params.servers
    on = names[0] if len(names) == 1 else counted(len(names), "server")
    return f"Update to {params.version} · {on}"


def _batch_plan(params: UpdateParams) -> BatchPlan:
    return BatchPlan(params.servers, params.batch, params.canary, params.max_failures, "server")
