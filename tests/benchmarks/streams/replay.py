"""A job's whole history to one follower, over each transport, beside a NATS ordered consumer.

Once both are read by the same cheap follower, and once each by its client library for Python.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from jobs import log
from tests.benchmarks.report import Bar
from tests.benchmarks.streams import nats, servers
from tests.benchmarks.streams.crowds import following, http, websocket
from tests.benchmarks.streams.marked import marked_job
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.testbed import ROOT, Testbed

EVENTS = 1_000_000
ROUNDS = 3


def replay(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000,000 events to one follower over each transport, beside a NATS ordered consumer"""
    events = max(int(EVENTS * scale), 10_000)
    job = marked_job(events)
    with ExitStack() as stack:
        ours = stack.enter_context(servers.ours(testbed))
        other = stack.enter_context(servers.nats(testbed.folder))
        client = nats.Client(other.port)
        client.make_stream()
        client.publish(_texts(job))
        plans = _plans(job, ours, other)
        rates: dict[str, list[float]] = {name: [] for name in plans}
        cpu: dict[str, list[float]] = {name: [] for name in plans}
        for _ in range(ROUNDS):
            for name, (served, plan) in plans.items():
                before = served.cpu() + served.database_cpu()
                rates[name].append(events / _seconds(served, events, **plan))
                used = served.cpu() + served.database_cpu() - before
                cpu[name].append(used * 1e6 / events)
        by_library = _by_library(job, events, ours, other)
    theirs = statistics.median(rates["NATS"])
    bars = []
    for name in ("WebSocket", "event stream", "long poll"):
        mine = statistics.median(rates[name])
        wanted = "≥ 2" if name == "WebSocket" else ""
        notes = {
            "CPU µs an event, Postgres' too": statistics.median(cpu[name]),
            "NATS's": statistics.median(cpu["NATS"]),
        }
        what = f"replay of {events:,}: {name}, beside NATS"
        bars.append(Bar(what, mine / theirs, wanted, mine, theirs, "events/s", notes))
    return [*bars, by_library]


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
    return Bar(what, mine / theirs, "", mine, theirs, "events/s", notes)


def _plans(job: UUID, ours: Served, other: Served) -> dict[str, tuple[Served, dict[str, Any]]]:
    token = ours.token
    socket = websocket(f"/ws/jobs/{job}/?after=0", token)
    stream = http(f"/api/jobs/{job}/stream?after=0", token)
    poll = http(f"/api/jobs/{job}/events?after=0&limit=10000", token, "*/*")
    return {
        "NATS": (other, {"request": nats.ordered_consumer(), "ready": "\0", "style": "nats"}),
        "WebSocket": (ours, {"request": socket, "ready": '"caught_up"'}),
        "event stream": (ours, {"request": stream, "ready": "event: caught_up"}),
        "long poll": (ours, {"request": poll, "ready": "\0", "style": "poll"}),
    }


def _seconds(served: Served, events: int, request: str, **plan: Any) -> float:
    """Return how long a follower takes from its request to the last event."""
    with following(served.port, [request], expected=events, **plan) as crowd:
        crowd.until_ready()
        crowd.until_done()
        seen = crowd.seen()
    if seen["counts"] != [events]:
        raise AssertionError(f"{seen['counts']} events came of {events}")
    return float(seen["ready"][0])


def _texts(job: UUID) -> Iterator[str]:
    """Yield the events that have a mark."""
    for page in log.read_history(job, 2):
        yield from page.texts
