"""250 events a second to 200 followers: what a delivery costs, and how late it is."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import ExitStack

from tests.benchmarks.beside.names import BENCH
from tests.benchmarks.log.filling import running_jobs
from tests.benchmarks.report import Bar
from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import websocket
from tests.benchmarks.streams.live import Pace, Round, use_in_django
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.streams.sources import Group, Ours, PubSub
from tests.benchmarks.testbed import Testbed

FOLLOWERS = 200
RATE, CALM_RATE = 250, 10
SECONDS = 6
ROUNDS = 3
# For what is under way when the last event has been sent: stock Channels falls behind at this rate,
# and is given the time to deliver everything.
WAIT_SECONDS = 240.0
SHAKEN = "\r\n\r\n"
STOCK, BARE = "stock Channels", "bare pub/sub"
Rounds = dict[str, list[Round]]


def paced(testbed: Testbed, scale: float) -> list[Bar]:
    """250 events/s to 200 followers: ours, stock Channels, Valkey pub/sub to a bare WebSocket"""
    fast = Pace(max(int(RATE * SECONDS * scale), RATE), 1 / RATE)
    calm = Pace(max(int(CALM_RATE * SECONDS * scale), CALM_RATE), 1 / CALM_RATE)
    with ExitStack() as stack:
        ours = stack.enter_context(servers.ours(testbed))
        others = {
            STOCK: stack.enter_context(servers.daphne("stock")),
            BARE: stack.enter_context(servers.bare_pubsub(BENCH)),
        }
        seen: Rounds = {"ours": [], STOCK: [], BARE: []}
        quiet: Rounds = {"ours": [], STOCK: [], BARE: []}
        for _ in range(ROUNDS):
            _round(ours, others, fast, seen)
            _round(ours, others, calm, quiet)
    return [
        *_bars(seen),
        _late(quiet, STOCK, 0.99, f"paced at {CALM_RATE} events/s", "≤ 1"),
        _late(quiet, BARE, 0.99, f"paced at {CALM_RATE} events/s", ""),
    ]


def _round(ours: Served, others: dict[str, Served], pace: Pace, seen: Rounds) -> None:
    [job] = running_jobs(1)
    source = Ours(job)
    requests = [websocket(f"/ws/jobs/{job}/?after=2", ours.token)] * FOLLOWERS
    with source.noting():
        seen["ours"].append(use_in_django(ours, requests, "caught_up", source, pace, WAIT_SECONDS))
    for name, other in ((STOCK, Group(source.texts)), (BARE, PubSub(source.texts, BENCH))):
        requests = [websocket("/ws/")] * FOLLOWERS
        seen[name].append(use_in_django(others[name], requests, SHAKEN, other, pace, WAIT_SECONDS))


def _bars(seen: Rounds) -> list[Bar]:
    bars = []
    for beside, wanted in ((STOCK, "≥ 6"), (BARE, "")):
        notes = {
            f"{name}: delivered of what was due": _middle(
                seen[name], lambda each: each.delivered / each.due
            )
            for name in ("ours", beside)
        }
        notes["ours without Postgres and Valkey"] = _middle(
            seen["ours"], lambda each: each.delivered / each.web
        )
        mine, other = (_middle(seen[name], lambda each: each.a_second) for name in ("ours", beside))
        what = f"paced: deliveries a CPU-second, beside {beside}"
        bars.append(Bar(what, mine / other, wanted, mine, other, "/s", notes))
    bars.append(_late(seen, STOCK, 0.99, "paced", "≤ 1"))
    return bars + [_late(seen, BARE, share, "paced", "") for share in (0.5, 0.99)]


def _late(seen: Rounds, beside: str, share: float, case: str, wanted: str) -> Bar:
    mine, other = (_middle(seen[name], lambda each: each.late(share)) for name in ("ours", beside))
    name = f"{case}: commit → follower p{share * 100:.0f}, beside {beside}"
    return Bar(name, mine / other, wanted, mine, other, "ms")


def _middle(rounds: list[Round], what: Callable[[Round], float]) -> float:
    return statistics.median(map(what, rounds))
