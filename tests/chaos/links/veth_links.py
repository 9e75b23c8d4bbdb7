"""Links that are cables: veth pairs to the followers' host, as slow as tc(8) makes them.

This machine is the router in the middle: the server is on a host of its own, so that its kernel
learns from the far end alone what has passed. Each link has an address of the server's by which
packets come over it, and no other way: 10.79.0.7 for link 7.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CannotStart
from tests.chaos.hosts import NET, Host
from tests.chaos.links.connection_counter import ConnectionCounter

COUNTS = Path("/proc/thread-self/net/dev")
FORWARDS = Path("/proc/sys/net/ipv4/ip_forward")
SERVED, CABLES = "10.79.0", "10.78"
PACKET = 1514
#: What may pass at once: a little, or a slow link is a fast one for as long.
BURST = 2 * PACKET


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passed over a link: bytes to the follower and from it, headers and repeats included,
    and the connections that it opened."""

    down: int
    up: int
    connections: int

    @property
    def total(self) -> int:
        """In both directions."""
        return self.down + self.up


class VethLinks:
    """So many links between the followers' host and the server's. CannotStart."""

    def __init__(self, server: Host, crowd: Host, count: int) -> None:
        self._crowd, self._numbers = crowd, range(1, count + 1)
        FORWARDS.write_text("1")
        _batch(None, "ip", self._router_lines(server, crowd))
        _batch(crowd, "ip", self._crowd_lines())
        _batch(server, "ip", self._server_lines())
        self._counters = [ConnectionCounter(_name(number)) for number in self._numbers]
        self._before = [Traffic(0, 0, 0)] * count

    def address(self, number: int) -> str:
        """Return the server's address over a link."""
        return f"{SERVED}.{number}"

    def router(self, number: int) -> str:
        """Return the address on the link of this machine, where something may stand between."""
        return f"{CABLES}.{number}.1"

    def shape(self, wanted: Mapping[int, tuple[int | None, float]]) -> None:
        """Make links as slow as they are to be, by number: so many bits a second, None for all, and
        a queue of so many seconds before it. Count from here."""
        lines = [_shaped(number, *how) for number, how in wanted.items()]
        for host in (None, self._crowd):
            _batch(host, "tc", lines)
        counted = _counted()
        for number in wanted:
            self._counters[number - 1].forget()
            self._before[number - 1] = counted[_name(number)]

    def traffic(self, number: int) -> Traffic:
        """Return what passed since it was made as it is."""
        before, now = self._before[number - 1], _counted()[_name(number)]
        connections = self._counters[number - 1].count()
        return Traffic(now.down - before.down, now.up - before.up, connections)

    def _router_lines(self, server: Host, crowd: Host) -> Iterable[str]:
        yield f"route add {SERVED}.0/24 via {server.address}"
        for number in self._numbers:
            name = _name(number)
            # one segment a packet: the bytes on a fast link are counted as those on a slow one
            pair = f"link add name {name} gso_max_segs 1 type veth peer name {name}"
            yield f"{pair} gso_max_segs 1 netns {crowd.name}"
            yield f"addr add {self.router(number)}/30 dev {name}"
            yield f"link set {name} up"

    def _crowd_lines(self) -> Iterable[str]:
        for number in self._numbers:
            name = _name(number)
            yield f"addr add {CABLES}.{number}.2/30 dev {name}"
            yield f"link set {name} up"
            yield f"route add {self.address(number)}/32 via {self.router(number)} dev {name}"

    def _server_lines(self) -> Iterable[str]:
        yield f"route add {CABLES}.0.0/16 via {NET}.1"
        for number in self._numbers:
            yield f"addr add {self.address(number)}/32 dev lo"


def _name(number: int) -> str:
    return f"link{number}"


def _counted() -> Mapping[str, Traffic]:
    """Return by interface what has passed since there is one (proc(5), net/dev)."""
    rows = (line.partition(":") for line in COUNTS.read_text().splitlines()[2:])
    numbers = {name.strip(): row.split() for name, _, row in rows}
    return {name: Traffic(int(row[8]), int(row[0]), 0) for name, row in numbers.items()}


def _shaped(number: int, bits: int | None, queue_s: float) -> str:
    device = f"dev {_name(number)} root"
    if bits is None:
        return f"qdisc replace {device} pfifo limit 10000"
    limit = BURST + max(4 * PACKET, int(bits / 8 * queue_s))
    return f"qdisc replace {device} tbf rate {bits}bit burst {BURST} limit {limit}"


def _batch(host: Host | None, program: str, lines: Iterable[str]) -> None:
    command = [program, "-batch", "-"]
    ran = subprocess.run(
        host.command(command) if host else command,
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        raise CannotStart(f"{program}: {ran.stderr.strip()}")
