"""Draws the faults and their order from a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: What may break, and whether hints are away meanwhile: then the delay has a bound. What each does
#: is in `tests.chaos.streams.faults`, under its name.
HERE: Mapping[str, bool] = {
    "valkey-stop": True,
    "valkey-flush": True,
    "postgres-restart": False,
    "web-kill": False,
    "web-term": False,
}
CUTS: Mapping[str, bool] = {
    "web-a-cut": False,
    "web-b-cut": False,
    "worker-cut": False,
    "valkey-cut": True,
    "postgres-cut": False,
}
FAULTS: Mapping[str, bool] = {**HERE, **CUTS}
WEBS = 2


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault: it comes `calm` seconds after all was well again, lasts `lasts` seconds where it
    lasts, and hits web server number `web` where it hits one."""

    number: int
    fault: str
    calm: float
    lasts: float
    web: int

    @property
    def bounded(self) -> bool:
        """Whether what is appended meanwhile has to arrive within the bound."""
        return FAULTS[self.fault]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return asdict(self)


def draw(seed: int, faults: Sequence[str], calm: float, lasts: float) -> list[Planned]:
    """Return each of the faults once, the same plan for the same arguments."""
    rng = random.Random(seed)
    return [
        # Up to a second more, so that no fault keeps step with what comes once a second.
        Planned(number, fault, round(calm + rng.random(), 3), lasts, rng.randrange(WEBS))
        for number, fault in enumerate(rng.sample(faults, len(faults)), 1)
    ]
