"""Which follower follows which job over which link: all of it, before anything starts. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import ceil
from typing import Any

from tests.chaos.links.kinds import (
    CUT_SECONDS,
    DOORS,
    FOLLOWERS,
    JOBS,
    LADDER,
    LINKS,
    PAGE,
    PAGES,
    SERVERS,
    WORDS,
)

#: However small all is, a connection gets as old as this before it is cut.
LEAST_CUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A follower of a job over a link. A `twin` is one over a link that does nothing to it, beside
    which the others are seen: the bytes that it takes are those needed.

    `queue_s`: how many seconds of bytes wait before the link until it drops; `cut_s`: how old a
    connection gets where they are cut.
    """

    number: int
    link: str
    job: str
    follower: str
    way: str
    server: str
    door: str
    queue_s: float = 1.0
    cut_s: float = CUT_SECONDS
    twin: bool = False

    @property
    def bits(self) -> int | None:
        """How many bits a second pass, None for all."""
        return None if self.twin else LINKS[self.link].bits

    @property
    def fault(self) -> str:
        """What happens to its connections, if anything."""
        return "" if self.twin else LINKS[self.link].fault

    @property
    def is_live(self) -> bool:
        """Whether the job goes on while it is followed."""
        return JOBS[self.job].rate > 0

    @property
    def needs(self) -> tuple[str, str, str]:
        """What all have in common that need the same bytes: follower, transport and job. Of the
        ladder the best transport's are enough: it has to find that."""
        climbs = self.way == LADDER and self.follower != PAGE
        return (self.follower, LINKS[self.link].best if climbs else self.way, self.job)

    @property
    def words(self) -> tuple[str, ...]:
        """What `--only` may choose it by."""
        return (self.link, self.follower, self.way, self.server, self.door)

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return asdict(self) | {"bits": self.bits, "fault": self.fault}


def draw(seed: int, only: Sequence[str] = (), size: float = 1.0) -> list[Case]:
    """Return the cases that have one of the words of `only` in each place that it has words for;
    the same for the same seed, in an order by chance. `size` is how large jobs are, 1 for whole."""
    cut_s = max(LEAST_CUT_SECONDS, CUT_SECONDS * size)
    rng = random.Random(seed)
    made = [
        replace(
            case,
            number=number,
            queue_s=round(0.25 + 0.75 * rng.random(), 3),
            cut_s=round(cut_s * (0.9 + 0.2 * rng.random()), 3),
        )
        for number, case in enumerate(_all(), 1)
    ]
    rng.shuffle(made)
    return [case for case in made if _is_meant(case, only)]


def twins(cases: Sequence[Case]) -> list[Case]:
    """Return what shows how many bytes these need, before each server, numbered on from theirs."""
    found = {
        (case.needs, case.server): replace(case, way=case.needs[1], twin=True) for case in cases
    }
    first = max((case.number for case in cases), default=0) + 1
    return [replace(case, number=first + at) for at, case in enumerate(found.values())]


def batches(cases: Sequence[Case], at_once: int) -> list[list[Case]]:
    """Return all cases and their twins in groups that run one after the other: first the twins of
    jobs that have ended, then so many cases at once, then all of those that go on, twins too."""
    live = [case for case in cases if case.is_live]
    ended = [case for case in cases if not case.is_live]
    all_twins = twins(cases)
    groups = [[twin for twin in all_twins if not twin.is_live]]
    count = ceil(len(ended) / at_once)
    groups += [ended[at::count] for at in range(count)]
    groups += [live + [twin for twin in all_twins if twin.is_live]]
    return [group for group in groups if group]


def _all() -> Iterator[Case]:
    pairs = list(product(SERVERS, DOORS))
    for name, link in LINKS.items():
        for at, (follower, way) in enumerate(product(FOLLOWERS, link.ways)):
            # Where not all pairs are tried, both servers and both doors are, in turns.
            halves = [pairs[0], pairs[3]], [pairs[1], pairs[2]]
            for server, door in pairs if link.everywhere else halves[at % 2]:
                yield Case(0, name, link.job, follower, way, server, door)
    for name, server, door in PAGES:
        yield Case(0, name, LINKS[name].job, PAGE, LADDER, server, door)


def _is_meant(case: Case, only: Sequence[str]) -> bool:
    return all(
        word in only
        for word, known in zip(case.words, WORDS, strict=True)
        if not set(known).isdisjoint(only)
    )
