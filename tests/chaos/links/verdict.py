"""What came of a case, beside what it needed: complete, and what it took of the link. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tests.chaos.links.cases import Case
from tests.chaos.links.kinds import CAPPED, CUT, STALLED, STALLED_STREAMS
from tests.chaos.links.veth_links import PACKET, Traffic
from tests.chaos.streams.account import Account
from tests.chaos.streams.crowd import Ended

#: How many times the ideal a case may take, and how many times the bytes that it needed.
TIMES, BYTES = 1.5, 1.2
#: To connect, to ask, to be greeted, to part.
ROUND_TRIPS = 4
#: What a cut may lose: a frame of 16 KiB that is not all there; and what the next connection says
#: before its first event: requests, headers, 2 KiB of padding, a greeting.
LOST_BYTES = 20 * 1024
#: How long it may take to find out that a transport brings nothing, in seconds; for each of them.
FIND_SECONDS = 5.0
TRANSPORTS_TO_LEAVE: Mapping[str, int] = {CAPPED: 1, STALLED: 1, STALLED_STREAMS: 3}


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a case: how it ended, its account, and what passed over its link.

    `job_ended` is when its job did (Unix time).
    """

    case: Case
    ended: Ended
    account: Account
    traffic: Traffic
    job_ended: float

    @property
    def seconds(self) -> float:
        """How long it followed."""
        return self.ended.over - self.ended.began


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a case may take at most: seconds and bytes in both directions; and its ideal."""

    ideal: float
    seconds: float
    needed: int
    bytes: int


def bounds(case: Case, needed: Traffic, live: float = 0.0) -> Bounds:
    """Return what a case may take whose twin took `needed`, of a job that went on for so many
    seconds after the follower came.

    The ideal is the bytes to the follower at the link's rate, and the round trips.
    """
    if case.bits is None:
        return Bounds(0.0, float("inf"), needed.total, ceil(BYTES * needed.total))
    trips = ROUND_TRIPS * 2 * PACKET * 8 / case.bits
    ideal = max(live, needed.down * 8 / case.bits) + trips
    seconds = TIMES * ideal + FIND_SECONDS * TRANSPORTS_TO_LEAVE.get(case.fault, 0)
    cuts = ceil(seconds / case.cut_s) if case.fault == CUT else 0
    return Bounds(ideal, seconds, needed.total, ceil(BYTES * needed.total) + cuts * LOST_BYTES)


@dataclass(frozen=True, slots=True)
class Judged:
    """A case, beside its bounds; None if nothing shows what it needed."""

    found: Found
    bounds: Bounds | None

    @property
    def missed(self) -> list[str]:
        """What keeps it from being complete, in words."""
        account, ended = self.found.account, self.found.ended
        counts = {
            "lost": account.lost,
            "doubled": account.doubled,
            "out of order": account.disordered,
            "foreign": account.foreign,
            "doubled on the way": ended.doubled,
            "holes on the way": ended.holes,
        }
        reported = [f"{count} {what}" for what, count in counts.items() if count]
        return reported + ([f"ended by {ended.trouble}"] if ended.trouble else [])

    @property
    def late(self) -> str:
        """What is wrong with the time that it took, in words."""
        if self.bounds is None or self.found.seconds <= self.bounds.seconds:
            return ""
        return f"{self.found.seconds:.1f} s, {self.bounds.seconds:.1f} at most"

    @property
    def dear(self) -> str:
        """What is wrong with the bytes that it took, in words."""
        if self.bounds is None:
            return "its twin did not come to the end"
        if self.found.case.twin or self.found.traffic.total <= self.bounds.bytes:
            return ""
        return f"{self.found.traffic.total:,} bytes, {self.bounds.bytes:,} at most"

    @property
    def wrong(self) -> list[str]:
        """All that is wrong, in words."""
        return [*self.missed, *filter(None, (self.late, self.dear))]


def needs(found: Sequence[Found]) -> dict[tuple[str, str, str], Traffic]:
    """Return the least that a twin took, of those that came to the end with everything."""
    least: dict[tuple[str, str, str], Traffic] = {}
    for one in found:
        if one.case.twin and not one.ended.trouble and not one.account.wrong:
            known = least.get(one.case.needs, one.traffic)
            least[one.case.needs] = min(known, one.traffic, key=lambda traffic: traffic.total)
    return least


def judge(found: Sequence[Found]) -> list[Judged]:
    """Judge what came of all cases and their twins, in the order of their numbers."""
    needed = needs(found)
    return [
        Judged(one, _bounds(one, needed.get(one.case.needs)))
        for one in sorted(found, key=lambda one: one.case.number)
    ]


def _bounds(found: Found, needed: Traffic | None) -> Bounds | None:
    if needed is None:
        return None
    live = max(0.0, found.job_ended - found.ended.began) if found.case.is_live else 0.0
    return bounds(found.case, needed, live)
