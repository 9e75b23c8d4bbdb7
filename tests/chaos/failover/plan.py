"""Draws failovers from a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: The kinds of failover, and whether a commit waits until the standby has it.
FAULTS: Mapping[str, bool] = {"synchronous": True, "asynchronous": False}
TAIL = (20, 200)


@dataclass(frozen=True, slots=True)
class Planned:
    """A failover: it comes `calm` seconds after all was well; where it is asynchronous, the standby
    does not get the last `tail` events or more."""

    number: int
    fault: str
    calm: float
    tail: int

    @property
    def synchronous(self) -> bool:
        """Whether nothing that was acknowledged may be lost."""
        return FAULTS[self.fault]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return asdict(self)


def draw(seed: int, runs: int, faults: Sequence[str]) -> list[Planned]:
    """Return so many failovers of each kind, in turns; the same plan for the same arguments."""
    rng = random.Random(seed)
    return [
        Planned(number, fault, round(0.5 + 2 * rng.random(), 3), rng.randint(*TAIL))
        for number, fault in enumerate(list(faults) * runs, 1)
    ]
