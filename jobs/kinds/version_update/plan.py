"""In which groups a version update goes through its servers, and how that is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.kinds.registry import Group, Plan
from jobs.kinds.version_update.params import UpdateParams

STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain")
SIZES_SPELT_OUT = 6


def plan(params: UpdateParams) -> Plan:
    """Return steps, groups and words of an update."""
    return Plan(list(STEPS), groups(params), words(params))


def groups(params: UpdateParams) -> list[Group]:
    """Return the canaries, where there are any, and then the batches."""
    first, rest = params.servers[: params.canary], params.servers[params.canary :]
    batches = [rest[at : at + params.batch] for at in range(0, len(rest), params.batch)]
    named = [Group(f"batch {number}", servers) for number, servers in enumerate(batches, 1)]
    return [Group("canary", first), *named] if first else named


def words(params: UpdateParams) -> str:
    """Return the plan as one or two sentences.

    "12 servers in 4 batches: gs-001 first, then 4, 4, 3. Stops after 2 failures."
    """
    return " ".join(filter(None, [_course(params), _patience(params)]))


def title(params: UpdateParams) -> str:
    """Return what a job with these parameters is called unless its submitter names it."""
    count = len(params.servers)
    return f"Update to {params.version} · {params.servers[0] if count == 1 else f'{count} servers'}"


def _course(params: UpdateParams) -> str:
    count, parts = len(params.servers), groups(params)
    if count == 1:
        return f"1 server: {params.servers[0]}."
    if len(parts) == 1:
        return f"{count} servers at once."
    first = parts[0].targets if params.canary else []
    sizes = _sizes([len(part.targets) for part in parts[1 if first else 0 :]])
    course = f"{_names(first)} first, then {sizes}" if first else sizes
    return f"{count} servers in {len(parts)} batches: {course}."


def _patience(params: UpdateParams) -> str:
    stops_after = params.max_failures + 1
    if len(params.servers) == 1:
        return ""
    if stops_after >= len(params.servers):
        return "Goes on whatever fails."
    return f"Stops after {stops_after} failure{'s' if stops_after > 1 else ''}."


def _names(servers: Sequence[str]) -> str:
    return " and ".join(servers) if len(servers) <= 2 else f"{len(servers)} servers"


def _sizes(sizes: Sequence[int]) -> str:
    if len(sizes) <= SIZES_SPELT_OUT:
        return ", ".join(map(str, sizes))
    full, last = sizes[0], sizes[-1]
    if last == full:
        return f"{len(sizes)} times {full}"
    return f"{len(sizes) - 1} times {full}, then {last}"
