"""The tail of a log over a slow link."""

from __future__ import annotations

import statistics

from tests.acceptance.up import running
from tests.benchmarks.page.log import EVENTS, FEW, LAST, VISITS
from tests.benchmarks.page.visit import Visit, chromium, loaded_job
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed
from tests.support.relay import LinkOptions, Relay, RelayThread

KIB_PER_SECOND = 64
DELAY_S = 0.3


def slow(_testbed: Testbed, scale: float) -> list[Bar]:
    """The tail of 100,000 events over 64 KiB/s and 300 ms, in a new profile"""
    relays = RelayThread()
    with running() as up, chromium() as browser:
        job = loaded_job(up, max(int(EVENTS / 10 * scale), FEW))
        port = int(up.url.rpartition(":")[2])
        options = LinkOptions(bits=KIB_PER_SECOND * 1024 * 8, delay_s=DELAY_S)
        relay = relays.start({0: Relay(("127.0.0.1", port), options)})[0]
        tails = []
        for _ in range(VISITS):
            visit = Visit.to(browser, up, relay.url)
            tails.append(visit.open_log(job, LAST) / 1000)
            visit.close()
        relays.close()
    tail = statistics.median(tails)
    return [Bar("slow link: tail, s", tail, "≤ 3", tail, None, "s")]
