"""What there is to try: links, jobs, followers, transports, servers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streams.client import TRANSPORTS

LADDER = "ladder"
#: What the command line calls the transports; `ladder` is any of them, as the follower finds.
WAYS: Mapping[str, Sequence[str]] = {
    "websocket": TRANSPORTS[:1],
    "sse": TRANSPORTS[1:2],
    "octets": TRANSPORTS[2:3],
    "long-poll": TRANSPORTS[3:],
    LADDER: TRANSPORTS,
}
PYTHON, NODE, PAGE = "python", "node", "page"
FOLLOWERS = (PYTHON, NODE)
SERVERS, DOORS = ("daphne", "uvicorn"), ("bare", "nginx")
#: A WebSocket message of more bytes is too big for the relay that caps them.
CAP = 64 * 1024
CUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is followed: so many events of so many bytes, at so many a second (0: it has
    ended before anybody follows it)."""

    events: int
    bytes: int
    rate: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it goes on."""
        return self.events / self.rate if self.rate else 0.0

    def scaled(self, size: float) -> Job:
        """Return it smaller."""
        return replace(self, events=max(1, round(self.events * size)))


#: At 64 kbit/s a follower keeps up with `live`, and gets `behind` the other, which ends before it.
JOBS: Mapping[str, Job] = {
    "large": Job(6000, 200),
    "medium": Job(2000, 200),
    "small": Job(1000, 200),
    "live": Job(1000, 20, 20),
    "behind": Job(1200, 200, 20),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link: bits a second in each direction, the job that is followed over it, what a relay on it
    does to connections, the transports to try, and which is the best of those that get through.

    `everywhere`: each of them before each server, with and without nginx; else with every other.
    """

    bits: int
    job: str
    fault: str = ""
    ways: Sequence[str] = tuple(WAYS)
    best: str = "websocket"
    everywhere: bool = False


CUT, CAPPED, STALLED, STALLED_STREAMS = "cut", "capped", "stalled", "stalled-streams"
LINKS: Mapping[str, Link] = {
    "1mbit": Link(1_000_000, "large", everywhere=True),
    "128k": Link(128_000, "medium", everywhere=True),
    "64k": Link(64_000, "small", everywhere=True),
    "64k-live": Link(64_000, "live"),
    "64k-behind": Link(64_000, "behind"),
    "1mbit-cut": Link(1_000_000, "large", CUT),
    "128k-cut": Link(128_000, "medium", CUT),
    CAPPED: Link(1_000_000, "large", CAPPED, ("websocket", LADDER), everywhere=True),
    STALLED: Link(1_000_000, "large", STALLED, (LADDER,), "sse", everywhere=True),
    STALLED_STREAMS: Link(
        1_000_000, "large", STALLED_STREAMS, (LADDER,), "long-poll", everywhere=True
    ),
}
#: What the page in a browser is tried with: where, and by which server and door.
PAGES = (
    ("1mbit", "daphne", "bare"), ("128k", "uvicorn", "nginx"), ("64k-behind", "daphne", "nginx"),
    ("1mbit-cut", "uvicorn", "bare"), (CAPPED, "daphne", "bare"), (STALLED, "uvicorn", "nginx"),
)  # fmt: skip
WORDS: Sequence[Sequence[str]] = (
    tuple(LINKS), (*FOLLOWERS, PAGE), tuple(WAYS), SERVERS, DOORS,
)  # fmt: skip
