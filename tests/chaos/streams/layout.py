"""What is on which host, and who follows what over which transport."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from streams.client import TRANSPORTS
from tests.chaos.hosts import Host, wire_up

WEBSOCKET, SSE, OCTETS, LONG_POLL = TRANSPORTS
LADDER = tuple(TRANSPORTS)
#: One follower in so many has this; all others a WebSocket and nothing else. A long poll is a
#: request an answer, so few can keep up with a job that writes 25 times a second.
ONE_IN = {(LONG_POLL,): 50, LADDER: 10, (OCTETS,): 6, (SSE,): 5}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is: `data` has Postgres and the sweeper, `hints` Valkey, `webs` a web server
    each, `crowd` the followers."""

    data: Host
    hints: Host
    worker: Host
    webs: Sequence[Host]
    crowd: Host


def here() -> Layout:
    """Return everything on this machine."""
    return Layout(Host(), Host(), Host(), [Host(), Host()], Host())


def apart() -> Layout:
    """Return a host of its own for each."""
    data, hints, worker, *webs, crowd = wire_up(
        ["postgres", "valkey", "worker", "web-a", "web-b", "crowd"]
    )
    return Layout(data, hints, worker, webs, crowd)


def transports(followers: int, seed: int) -> list[Sequence[str]]:
    """Return what each of so many followers may use, in an order by chance."""
    dealt: list[Sequence[str]] = []
    for some, one_in in ONE_IN.items():
        dealt += [some] * max(1, followers // one_in)
    dealt = dealt[:followers]
    dealt += [(WEBSOCKET,)] * (followers - len(dealt))
    random.Random(seed).shuffle(dealt)
    return dealt
