"""Draws the faults of a series of runs from a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from typing import Any

from jobs.kinds.version_update.params import STEPS
from tests.chaos.kinds import FAULTS

FAULTY = "kind-"  # before the name of what a kind does itself (`tests.chaos.kinds`)
VERSIONS = ("1.5.0", "1.6.0", "1.4.0")
# Longer than a run takes to write the next event, shorter than most steps.
LONGEST_DELAY = 0.3


# For how many seconds each lasts, at least and at most; the others are over at once. What each does
# is in `tests.chaos.faults`, under its name.
LASTS: Mapping[str, tuple[float, float]] = {
    "worker-freeze": (0.5, 2.0),  # beyond the lease
    "postgres-restart": (0.0, 1.5),
    "postgres-crash": (0.0, 1.5),
    "valkey-stop": (0.5, 3.0),
    "disk-full": (0.5, 3.0),
}
EVERYWHERE = (
    "worker-kill",
    "worker-freeze",
    "postgres-restart",
    "postgres-crash",
    "backend-kill",
    "valkey-flush",
    "valkey-stop",
    "disk-full",
)


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What a site is: the transport to its servers, and what may break in the runs there."""

    transport: str
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Planned:
    """One run and what breaks in it.

    `site` has the servers that it updates. The fault comes `delay` seconds after so many steps have
    begun as `after` says (0: once it is submitted), lasts `lasts` seconds, and hits the server
    number `pick` where it hits one.
    """

    number: int
    site: int
    version: str
    fault: str
    after: int
    delay: float
    lasts: float
    pick: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return asdict(self)


def draw(
    seed: int, runs: int, sites: Sequence[SitePlan], turns: Sequence[int], servers: int
) -> list[Planned]:
    """Return the plan of so many runs, the same for the same arguments.

    The sites, which have so many `servers` each, come in this order of `turns`, again and again.
    Each deals its faults like cards, so that all come equally often.
    """
    rng = random.Random(seed)
    packs = [_deal(rng, site.faults) for site in sites]
    versions = [cycle(VERSIONS) for _ in sites]
    plan = []
    for number, site in zip(range(1, runs + 1), cycle(turns), strict=False):
        name = next(packs[site])
        plan.append(
            Planned(
                number=number,
                site=site,
                version=next(versions[site]),
                fault=name,
                after=rng.randrange(servers * len(STEPS)),
                delay=round(rng.uniform(0, LONGEST_DELAY), 3),
                lasts=round(rng.uniform(*LASTS.get(name, (0, 0))), 3),
                pick=rng.randrange(servers),
            )
        )
    return plan


def with_faulty(plan: Sequence[Planned], every: int) -> list[Planned]:
    """Return a plan with each `every`-th run replaced by one of a kind that misbehaves; 0: none."""
    names = cycle(FAULTS)
    return [
        replace(one, fault=f"{FAULTY}{next(names)}", after=0, delay=0.0, lasts=0.0)
        if every and one.number % every == 0
        else one
        for one in plan
    ]


def _deal(rng: random.Random, faults: Sequence[str]) -> Iterator[str]:
    while True:
        yield from rng.sample(faults, len(faults))
