"""A job's whole history to one follower, in each form, beside a NATS ordered consumer.

Once all are read by cheap followers, of which that of pages unpacks and splits them into events,
and once each by its client library for Python. Of three rounds the first has no page in memory.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobs import log
from tests.benchmarks.report import Bar
from tests.benchmarks.streams import nats, servers
from tests.benchmarks.streams.crowds import following, http, websocket
from tests.benchmarks.streams.marked import BEFORE, marked_job, printed_event
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.testbed import ROOT, Testbed

EVENTS = 1_000_000
ROUNDS = 3
PAGES = "compressed pages"


def replay(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000,000 events to one follower in each form, beside a NATS ordered consumer"""
    events = max(int(EVENTS * scale), 10_000)
    job = marked_job(events, printed_event)
    with ExitStack() as stack:
        ours = stack.enter_context(servers.ours(testbed))
        other = stack.enter_context(servers.nats(testbed.folder))
        client = nats.Client(other.port)
        client.make_stream()
        client.publish(_texts(job))
        rounds: dict[str, list[Round]] = {}
        for _ in range(ROUNDS):
            for name, (served, plan) in _plans(job, ours, other).items():
                rounds.setdefault(name, []).append(_replayed(served, events, **plan))
        by_library = _by_library(job, events, ours, other)
    theirs = rounds.pop("NATS")
    what = f"replay of {events:,}"
    bars = [
        _rate_bar(f"{what}: {name}, beside NATS", mine, theirs, "≥ 2" if name == PAGES else "")
        for name, mine in rounds.items()
    ]
    sent, theirs_sent = rounds[PAGES][-1].bytes, theirs[-1].bytes
    size = f"bytes of a {what}: {PAGES}, beside NATS"
    bars.append(Bar(size, sent / theirs_sent, "≤ 0.2", sent, theirs_sent, "bytes"))
    return [*bars, by_library]


@dataclass(frozen=True, slots=True)
class Round:
    """One replay: events a second, the server's CPU µs an event, the bytes that came."""

    rate: float
    cpu: float
    bytes: int


def _rate_bar(what: str, mine: list[Round], theirs: list[Round], wanted: str) -> Bar:
    notes = {
        "CPU µs an event, Postgres' too": statistics.median(each.cpu for each in mine),
        "NATS's": statistics.median(each.cpu for each in theirs),
        "events/s the first time": mine[0].rate,
    }
    ours, bare = (statistics.median(each.rate for each in rounds) for rounds in (mine, theirs))
    return Bar(what, ours / bare, wanted, ours, bare, "events/s", notes)


def _by_library(job: UUID, events: int, ours: Served, other: Served) -> Bar:
    """Replay to this project's follower and to nats-py's ordered consumer, in turns."""
    rates: dict[str, list[float]] = {"reprise": [], "nats": []}
    cpu: dict[str, list[float]] = {"reprise": [], "nats": []}
    addresses = {
        "reprise": f"http://127.0.0.1:{ours.port}/jobs/{job}",
        "nats": f"nats://127.0.0.1:{other.port}",
    }
    for _ in range(ROUNDS):
        for which, address in addresses.items():
            module = [sys.executable, "-m", "tests.benchmarks.beside.library"]
            command = [*module, which, address, str(events)]
            env = os.environ | {"REPRISE_TOKEN": ours.token}
            reported = subprocess.run(
                command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
            )
            took = json.loads(reported.stdout)
            rates[which].append(events / took["seconds"])
            cpu[which].append(took["cpu"] * 1e6 / events)
    mine, theirs = statistics.median(rates["reprise"]), statistics.median(rates["nats"])
    notes = {
        "client's CPU µs an event": statistics.median(cpu["reprise"]),
        "nats-py's": statistics.median(cpu["nats"]),
    }
    what = f"replay of {events:,}: our Python follower, beside nats-py"
    return Bar(what, mine / theirs, "≥ 3", mine, theirs, "events/s", notes)


def _plans(job: UUID, ours: Served, other: Served) -> dict[str, tuple[Served, dict[str, Any]]]:
    token = ours.token
    socket = websocket(f"/ws/jobs/{job}/?after=0", token)
    stream = http(f"/api/jobs/{job}/stream?after=0", token)
    poll = http(f"/api/jobs/{job}/events?after=0&limit=10000", token, "*/*")
    # From the first event with a mark on: a reader of pages counts whole events.
    pages = http(f"/api/jobs/{job}/pages?after={BEFORE}", token, "application/zstd")
    return {
        "NATS": (other, {"request": nats.ordered_consumer(), "ready": "\0", "style": "nats"}),
        PAGES: (ours, {"request": pages, "ready": "\0", "style": "pages"}),
        "WebSocket": (ours, {"request": socket, "ready": '"caught_up"'}),
        "event stream": (ours, {"request": stream, "ready": "event: caught_up"}),
        "long poll": (ours, {"request": poll, "ready": "\0", "style": "poll"}),
    }


def _replayed(served: Served, events: int, request: str, **plan: Any) -> Round:
    """Have a follower read all, from its request to the last event."""
    before = served.cpu() + served.database_cpu()
    with following(served.port, [request], expected=events, **plan) as crowd:
        crowd.until_ready()
        crowd.until_done()
        seen = crowd.seen()
    if seen["counts"] != [events]:
        raise AssertionError(f"{seen['counts']} events came of {events}")
    used = served.cpu() + served.database_cpu() - before
    return Round(events / float(seen["ready"][0]), used * 1e6 / events, int(seen["bytes"]))


def _texts(job: UUID) -> Iterator[str]:
    """Yield the events that have a mark."""
    for page in log.read_history(job, BEFORE):
        yield from page.texts
