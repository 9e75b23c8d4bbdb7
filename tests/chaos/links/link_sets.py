"""The links of one batch: a cable for each case, with a relay on it or not; or a relay alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tests.chaos.hosts import Host
from tests.chaos.links.cases import Case
from tests.chaos.links.kinds import CAP, CAPPED, CUT, STALLED, STALLED_STREAMS
from tests.chaos.links.veth_links import Traffic, VethLinks
from tests.support.relay import LinkOptions, Relay, RelayThread

STALLS = {STALLED: "sockets", STALLED_STREAMS: "streams"}


class LinkSet(Protocol):
    """Links, by the number of the case that each is laid for."""

    def lay(self, cases: Sequence[Case], ports: Mapping[tuple[str, str], int]) -> Mapping[int, str]:
        """Lay a link for each case, in place of those before; return their addresses for HTTP.

        `ports`: by server and door, on the server's host.
        """

    def traffic(self, case: Case) -> Traffic:
        """Return what has passed over a case's link."""

    def close(self) -> None:
        """Let go of what runs."""


class RelayLinkSet:
    """Links that are relays, on this machine alone."""

    def __init__(self) -> None:
        self._relays = RelayThread()
        self._by_case: dict[int, Relay] = {}

    def lay(self, cases: Sequence[Case], ports: Mapping[tuple[str, str], int]) -> Mapping[int, str]:
        """As of `LinkSet`."""
        self._relays.stop_all()
        self._by_case = self._relays.start(
            {
                case.number: Relay(
                    (Host().address, ports[case.server, case.door]), link_options(case, case.bits)
                )
                for case in cases
            }
        )
        return {number: relay.url for number, relay in self._by_case.items()}

    def traffic(self, case: Case) -> Traffic:
        """As of `LinkSet`; what the relay passed on, without the headers of packets."""
        relay = self._by_case[case.number]
        return Traffic(relay.down.passed, relay.up.passed, relay.connections)

    def close(self) -> None:
        """As of `LinkSet`."""
        self._relays.close()


class VethLinkSet:
    """Links that are cables, so many of them; a relay on those that do more than be slow."""

    def __init__(self, server: Host, crowd: Host, count: int) -> None:
        self._server, self._veth_links = server, VethLinks(server, crowd, count)
        self._relays = RelayThread()
        self._cable: dict[int, int] = {}

    def lay(self, cases: Sequence[Case], ports: Mapping[tuple[str, str], int]) -> Mapping[int, str]:
        """As of `LinkSet`."""
        self._relays.stop_all()
        self._cable = {case.number: number for number, case in enumerate(cases, 1)}
        self._veth_links.shape(
            {self._cable[case.number]: (case.bits, case.queue_s) for case in cases}
        )
        urls, relays = {}, {}
        for case in cases:
            number, port = self._cable[case.number], ports[case.server, case.door]
            urls[case.number] = f"http://{self._veth_links.address(number)}:{port}"
            if case.fault:
                here = (self._veth_links.router(number), 0)
                relays[case.number] = Relay((self._server.address, port), link_options(case), here)
        started = self._relays.start(relays)
        return urls | {number: relay.url for number, relay in started.items()}

    def traffic(self, case: Case) -> Traffic:
        """As of `LinkSet`."""
        return self._veth_links.traffic(self._cable[case.number])

    def close(self) -> None:
        """As of `LinkSet`."""
        self._relays.close()


def link_options(case: Case, bits: int | None = None) -> LinkOptions:
    """Return what a relay on a case's link does; `bits` where it has to be the slow line too."""
    return LinkOptions(
        bits,
        cut_s=case.cut_s if case.fault == CUT else None,
        most=CAP if case.fault == CAPPED else None,
        stalls=STALLS.get(case.fault, ""),
    )
