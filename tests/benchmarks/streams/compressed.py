"""Followers of real output, with compression and without: bytes on the wire, and the server's CPU.

`output.ndjson` has what git clone, apt, make, pytest and vite printed, cut where a run cuts it:
what came within 50 ms is one event.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

from jobs import log
from jobs.events import EventType, NewEvent
from tests.benchmarks.beside import marks
from tests.benchmarks.log.filling import running_jobs
from tests.benchmarks.report import Bar
from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import following, http, websocket
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.testbed import Testbed

FOLLOWERS = 200
# How many jobs, and events: in all, and a second. Each of many jobs has some thirty of them.
CASES = {"one job": (1, 160, 20), "200 jobs": (FOLLOWERS, 5000, 200)}
ROUNDS = 3
SETTLE_SECONDS = 1.0
WAIT_SECONDS = 120.0
OUTPUT = Path(__file__).with_name("output.ndjson")
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
GZIP = "Accept-Encoding: gzip\r\n"
Ask = Callable[[UUID, str, bool], str]


@dataclass(frozen=True, slots=True)
class Round:
    """What one follower's delivery of an event took: bytes, and microseconds of the server."""

    size: float
    micros: float


def compressed(testbed: Testbed, scale: float) -> list[Bar]:
    """200 followers of one job's real output, and of 200 jobs': compressed, beside as it is"""
    bars: list[Bar] = []
    with servers.ours(testbed) as served:
        for name, ask in (("WebSocket", _socket), ("event stream", _stream)):
            for what, (jobs, most, rate) in CASES.items():
                events = max(int(most * scale), 2 * jobs)
                seen: dict[bool, list[Round]] = {True: [], False: []}
                for _ in range(ROUNDS):
                    for deflated in (False, True):
                        seen[deflated].append(_round(served, ask, jobs, events, rate, deflated))
                bars += _bars(f"compressed: {name}, {what}", seen)
    return bars


def _bars(name: str, seen: dict[bool, list[Round]]) -> list[Bar]:
    def middle(part: str, *, deflated: bool) -> float:
        return float(statistics.median(getattr(one, part) for one in seen[deflated]))

    small, large = middle("size", deflated=True), middle("size", deflated=False)
    mine, plain = middle("micros", deflated=True), middle("micros", deflated=False)
    what = f"{name}: bytes as they are over compressed"
    return [
        Bar(what, large / small, "≥ 5", small, large, "B"),
        Bar(f"{name}: CPU of a delivery", mine / plain, "≤ 1.3", mine, plain, "µs"),
    ]


def _round(served: Served, ask: Ask, count: int, events: int, rate: int, deflated: bool) -> Round:
    jobs = running_jobs(count)
    requests = [ask(jobs[one % count], served.token, deflated) for one in range(FOLLOWERS)]
    each = events // count
    style = "inflating" if deflated else "plain"
    with following(served.port, requests, "caught_up", style=style, expected=each) as crowd:
        crowd.until_ready()
        time.sleep(SETTLE_SECONDS)
        cpu = served.cpu()
        _publish(jobs, each, rate)
        crowd.until_done_or(WAIT_SECONDS)
        cpu = served.cpu() - cpu
        seen = crowd.seen()
    delivered = sum(seen["counts"])
    assert delivered == each * FOLLOWERS, f"{delivered} of {each * FOLLOWERS} were delivered"
    return Round(seen["arrived"] / delivered, cpu * 1e6 / delivered)


def _publish(jobs: Sequence[UUID], each: int, rate: int) -> None:
    texts, began = _texts(), time.monotonic()
    for number in range(each * len(jobs)):
        time.sleep(max(began + number / rate - time.monotonic(), 0))
        # Each job begins somewhere else.
        place, round_ = number % len(jobs), number // len(jobs)
        text = marks.text(number, 0) + texts[(place * 7 + round_) % len(texts)]
        event = NewEvent(EventType.STEP_OUTPUT, {"text": text, "stream": "out"}, "run", "gs-1")
        log.append(jobs[place], [event], actor="worker:bench/1")


@cache
def _texts() -> list[str]:
    return [json.loads(line) for line in OUTPUT.read_text().splitlines()]


def _socket(job: UUID, token: str, deflated: bool) -> str:
    return websocket(f"/ws/jobs/{job}/?after=2", token, DEFLATE if deflated else "")


def _stream(job: UUID, token: str, deflated: bool) -> str:
    return http(f"/api/jobs/{job}/stream?after=2", token, more=GZIP if deflated else "")
