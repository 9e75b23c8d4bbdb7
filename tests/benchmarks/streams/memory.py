"""What a follower takes of the web process's memory: one that waits, one that reads nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import UUID

from tests.benchmarks.report import Bar
from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import following, http, websocket
from tests.benchmarks.streams.marked import marked_job
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.testbed import Testbed

IDLE = 500
# No faster than each can be let in: what counts is what is held for those who wait. The most that
# was needed while all came at once stays with the process, and would be taken for it.
COME_A_SECOND = 25
STUCK = 50
EVENTS = 20_000  # some 9 MB
KIB, MIB = 1024, 1024 * 1024
STEADY_SECONDS = 1.0
LOOKS = 20
TRANSPORTS = ("WebSocket", "event stream", "octet stream", "long poll")


def memory(testbed: Testbed, scale: float) -> list[Bar]:
    """Idle followers beside bare daphne's connections; followers that read nothing"""
    idle = max(int(IDLE * scale), 100)
    long, short = marked_job(EVENTS), marked_job(10)
    bars = [_idle(testbed, name, short, idle) for name in TRANSPORTS]
    return bars + [_stuck(testbed, name, long) for name in TRANSPORTS]


def _idle(testbed: Testbed, name: str, job: UUID, count: int) -> Bar:
    with ExitStack() as stack:
        ours = stack.enter_context(servers.ours(testbed))
        bare = stack.enter_context(servers.daphne("bare_asgi"))
        mine = _grown(ours, [_asks(name, job, 12, ours.token)] * count, "plain") / KIB
        other = _grown(bare, [_asks_bare(name)] * count, "plain") / KIB
    what = f"memory: idle, {name}, over bare, KiB"
    return Bar(what, mine - other, "≤ 25", mine, other, "KiB")


def _stuck(testbed: Testbed, name: str, job: UUID) -> Bar:
    with servers.ours(testbed) as ours:
        held = _grown(ours, [_asks(name, job, 0, ours.token)] * STUCK, "stuck") / MIB
    return Bar(f"memory: reads nothing, {name}, MiB", held, "≤ 1", held, None, "MiB")


def _grown(served: Served, requests: Sequence[str], style: str) -> float:
    """Return the bytes that a follower adds, when half as many are there before."""
    with (
        _held(served, requests[: len(requests) // 2], style) as before,
        _held(served, requests, style) as after,
    ):
        return (after - before) / len(requests)


@contextmanager
def _held(served: Served, requests: Sequence[str], style: str) -> Iterator[int]:
    """Have these followers there; the value is the process's memory, once it no longer grows."""
    spread = len(requests) / COME_A_SECOND
    with following(served.port, requests, "", style=style, spread=spread) as crowd:
        crowd.until_ready()
        grown = served.memory()
        for _ in range(LOOKS):
            time.sleep(STEADY_SECONDS)
            last, grown = grown, served.memory()
            if abs(grown - last) < 64 * KIB:
                break
        yield grown


def _asks(name: str, job: UUID, after: int, token: str) -> str:
    match name:
        case "WebSocket":
            return websocket(f"/ws/jobs/{job}/?after={after}", token)
        case "long poll":
            wait = "&wait=25" if after else "&limit=10000"
            return http(f"/api/jobs/{job}/events?after={after}{wait}", token, "*/*")
    accept = "text/event-stream" if name == "event stream" else "application/octet-stream"
    return http(f"/api/jobs/{job}/stream?after={after}", token, accept)


def _asks_bare(name: str) -> str:
    match name:
        case "WebSocket":
            return websocket("/")
        case "long poll":
            return http("/poll")
    return http("/stream")
