"""The links of one wave: a cable for each case, with a relay on it or not; or a relay alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from tests.chaos.hosts import Host
from tests.chaos.links.cables import Cables, Traffic
from tests.chaos.links.cases import Case
from tests.chaos.links.connection import Terms
from tests.chaos.links.kinds import CAP, CAPPED, CUT, STALLED, STALLED_STREAMS
from tests.chaos.links.relay import Relay

PATIENCE_SECONDS = 60.0
STALLS = {STALLED: "sockets", STALLED_STREAMS: "streams"}


class Lines(Protocol):
    """Links, by the number of the case that each is laid for."""

    def lay(self, cases: Sequence[Case], ports: Mapping[tuple[str, str], int]) -> Mapping[int, str]:
        """Lay a link for each case, in place of those before; return their addresses for HTTP.

        `ports`: by server and door, on the server's host.
        """

    def traffic(self, case: Case) -> Traffic:
        """Return what has passed over a case's link."""

    def close(self) -> None:
        """Let go of what runs."""


class RelayLines:
    """Links that are relays, on this machine alone."""

    def __init__(self) -> None:
        self._relays = Relays()
        self._by_case: dict[int, Relay] = {}

    def lay(self, cases: Sequence[Case], ports: Mapping[tuple[str, str], int]) -> Mapping[int, str]:
        """As of `Lines`."""
        self._relays.drop()
        self._by_case = self._relays.start(
            {
                case.number: Relay(
                    (Host().address, ports[case.server, case.door]), terms(case, case.bits)
                )
                for case in cases
            }
        )
        return {number: relay.url for number, relay in self._by_case.items()}

    def traffic(self, case: Case) -> Traffic:
        """As of `Lines`; what the relay passed on, without the headers of packets."""
        relay = self._by_case[case.number]
        return Traffic(relay.down.passed, relay.up.passed, relay.connections)

    def close(self) -> None:
        """As of `Lines`."""
        self._relays.close()


class CableLines:
    """Links that are cables, so many of them; a relay on those that do more than be slow."""

    def __init__(self, server: Host, crowd: Host, count: int) -> None:
        self._server, self._cables = server, Cables(server, crowd, count)
        self._relays = Relays()
        self._cable: dict[int, int] = {}

    def lay(self, cases: Sequence[Case], ports: Mapping[tuple[str, str], int]) -> Mapping[int, str]:
        """As of `Lines`."""
        self._relays.drop()
        self._cable = {case.number: number for number, case in enumerate(cases, 1)}
        self._cables.shape({self._cable[case.number]: (case.bits, case.queue_s) for case in cases})
        urls, relays = {}, {}
        for case in cases:
            number, port = self._cable[case.number], ports[case.server, case.door]
            urls[case.number] = f"http://{self._cables.address(number)}:{port}"
            if case.fault:
                here = (self._cables.router(number), 0)
                relays[case.number] = Relay((self._server.address, port), terms(case), here)
        started = self._relays.start(relays)
        return urls | {number: relay.url for number, relay in started.items()}

    def traffic(self, case: Case) -> Traffic:
        """As of `Lines`."""
        return self._cables.traffic(self._cable[case.number])

    def close(self) -> None:
        """As of `Lines`."""
        self._relays.close()


class Relays:
    """Relays that run in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._running: list[Relay] = []

    def start(self, relays: dict[int, Relay]) -> dict[int, Relay]:
        """Start these; return them once they listen."""
        for relay in relays.values():
            asyncio.run_coroutine_threadsafe(relay.start(), self._loop).result(PATIENCE_SECONDS)
            self._running.append(relay)
        return relays

    def drop(self) -> None:
        """Stop all that run."""
        while self._running:
            closing = self._running.pop().close()
            asyncio.run_coroutine_threadsafe(closing, self._loop).result(PATIENCE_SECONDS)

    def close(self) -> None:
        """Stop all, and the thread."""
        self.drop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def terms(case: Case, bits: int | None = None) -> Terms:
    """Return what a relay on a case's link does; `bits` where it has to be the slow line too."""
    return Terms(
        bits,
        case.cut_s if case.fault == CUT else None,
        CAP if case.fault == CAPPED else None,
        STALLS.get(case.fault, ""),
    )
