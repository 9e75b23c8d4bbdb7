"""250 events a second to 200 followers: what a delivery costs, and how late it is."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import ExitStack

from ops.benches.beside.names import BENCH
from ops.benches.log.filling import running_jobs
from ops.benches.report import Bar
from ops.benches.stage import Stage
from ops.benches.streams import servers
from ops.benches.streams.crowds import websocket
from ops.benches.streams.live import Pace, Round, play
from ops.benches.streams.sources import Group, Ours, PubSub

FOLLOWERS = 200
RATE = 250
SECONDS = 20
ROUNDS = 3
# Of what is under way when the last event has been sent; stock Channels does not keep up.
WAIT_SECONDS = 3.0
SHAKEN = "\r\n\r\n"


def paced(stage: Stage, scale: float) -> list[Bar]:
    """250 events/s to 200 followers: ours, stock Channels, Valkey pub/sub to a bare WebSocket"""
    pace = Pace(max(int(RATE * SECONDS * scale), RATE * 2), 1 / RATE)
    seen: dict[str, list[Round]] = {"ours": [], "stock": [], "bare": []}
    with ExitStack() as stack:
        ours = stack.enter_context(servers.ours(stage))
        stock = stack.enter_context(servers.daphne("stock"))
        bare = stack.enter_context(servers.bare_pubsub(BENCH))
        for _ in range(ROUNDS):
            [job] = running_jobs(1)
            source = Ours(job)
            requests = [websocket(f"/ws/jobs/{job}/?after=2", ours.token)] * FOLLOWERS
            with source.noting():
                seen["ours"].append(play(ours, requests, "caught_up", source, pace, WAIT_SECONDS))
            for name, served, other in (
                ("stock", stock, Group(source.texts)),
                ("bare", bare, PubSub(source.texts, BENCH)),
            ):
                requests = [websocket("/ws/")] * FOLLOWERS
                seen[name].append(play(served, requests, SHAKEN, other, pace, WAIT_SECONDS))
    return _bars(seen)


def _bars(seen: dict[str, list[Round]]) -> list[Bar]:
    def middle(name: str, what: Callable[[Round], float]) -> float:
        return statistics.median(map(what, seen[name]))

    bars = []
    mine, other = (middle(name, lambda each: each.a_second) for name in ("ours", "stock"))
    notes = {
        f"{name}'s share of what was due": middle(name, lambda each: each.delivered / each.due)
        for name in seen
    } | {"bare pub/sub's": middle("bare", lambda each: each.a_second)}
    bars.append(
        Bar(
            "paced: deliveries a CPU-second, beside stock Channels",
            mine / other, "≥ 6", mine, other, "/s", notes,
        )
    )  # fmt: skip
    for beside, share, wanted in (
        ("stock", 0.99, "≤ 1"), ("bare", 0.5, ""), ("bare", 0.99, ""),
    ):  # fmt: skip
        mine, other = (middle(name, lambda each: each.late(share)) for name in ("ours", beside))  # noqa: B023
        than = {"stock": "stock Channels", "bare": "bare pub/sub"}[beside]
        name = f"paced: commit → follower p{share * 100:.0f}, beside {than}"
        bars.append(Bar(name, mine / other, wanted, mine, other, "ms"))
    return bars
