"""Bursts of events to 200 followers: what a delivery costs, and how late it is."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import ExitStack

from ops.setup.clone import Clone
from ops.suites import debian
from tests.benchmarks.beside.names import BENCH
from tests.benchmarks.log.filling import running_jobs
from tests.benchmarks.report import Bar
from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import http, websocket
from tests.benchmarks.streams.live import Pace, Round, use_in_django
from tests.benchmarks.streams.sources import Nchan, Ours, PubSub
from tests.benchmarks.testbed import Testbed

FOLLOWERS = 200
BURSTS = 10
EVERY_SECONDS = 3.0
ROUNDS = 3
# Of what is under way when the last event has been sent; what is lost does not come.
WAIT_SECONDS = 10.0
# How django-eventstream says an event to its Redis listener.
AROUND = {"channel": BENCH, "event_type": "message", "pub_id": None}


def burst(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000 events at once every 3 s to 200 followers: ours, Nchan, django-eventstream"""
    pace = Pace(max(int(BURSTS * scale), 2), EVERY_SECONDS, batches=10, size=100)
    debian.ensure(Clone.from_env(), ["nginx", "nchan"])
    seen: dict[str, list[Round]] = {"ours": [], "Nchan": [], "django-eventstream": []}
    with ExitStack() as stack:
        ours = stack.enter_context(servers.ours(testbed))
        nchan = stack.enter_context(servers.nchan(testbed.folder))
        stock = stack.enter_context(servers.daphne("stock"))
        for _ in range(ROUNDS):
            [job] = running_jobs(1)
            source = Ours(job)
            asked = websocket(f"/ws/jobs/{job}/?after=2", ours.token)
            with source.noting():
                seen["ours"].append(_round(ours, asked, "caught_up", source, pace))
            for name, served, asked, ready, other in (
                ("Nchan", nchan, websocket("/sub"), "\r\n\r\n", Nchan(source.texts, nchan.port)),
                (
                    "django-eventstream", stock, http(f"/events/?channel={BENCH}"), "stream-open",
                    PubSub(source.texts, "events_channel", AROUND),
                ),
            ):  # fmt: skip
                seen[name].append(_round(served, asked, ready, other, pace))
    return _bars(seen)


def _round(
    served: servers.Served, asked: str, ready: str, source: Ours | Nchan | PubSub, pace: Pace
) -> Round:
    return use_in_django(served, [asked] * FOLLOWERS, ready, source, pace, WAIT_SECONDS)


def _bars(seen: dict[str, list[Round]]) -> list[Bar]:
    def middle(name: str, what: Callable[[Round], float]) -> float:
        return statistics.median(map(what, seen[name]))

    bars = []
    for beside, wanted in (("Nchan", "≤ 1"), ("django-eventstream", "")):
        notes = {
            f"{name}'s share of what was due": middle(name, lambda each: each.delivered / each.due)
            for name in ("ours", beside)
        }
        notes["ours without Postgres and Valkey"] = middle(
            "ours", lambda each: each.web * 1e6 / each.delivered
        )
        mine, other = (middle(name, lambda each: each.micros) for name in ("ours", beside))
        what = f"burst: CPU a delivery, beside {beside}"
        bars.append(Bar(what, mine / other, wanted, mine, other, "µs", notes))
        mine, other = (middle(name, lambda each: each.late(0.99)) for name in ("ours", beside))
        notes = {
            f"{name} p50 ms": middle(name, lambda each: each.late(0.5)) for name in ("ours", beside)
        }
        what = f"burst: p99, beside {beside}"
        bars.append(Bar(what, mine / other, wanted, mine, other, "ms", notes))
    return bars
