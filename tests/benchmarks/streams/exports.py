"""What exports of large events take of the web process's memory, and of others' delivery."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.log.filling import large_job, running_jobs
from tests.benchmarks.report import Bar
from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import websocket
from tests.benchmarks.streams.live import Pace, Round, use_in_django
from tests.benchmarks.streams.servers import Served
from tests.benchmarks.streams.sources import Ours
from tests.benchmarks.testbed import Testbed

EVENTS, BYTES = 100_000, 60_000
EXPORTS = 10
ROUNDS = 2
FOLLOWERS = 50
LIVE = Pace(200, 0.05)
WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.1
MIB = 1024 * 1024


def exports(testbed: Testbed, scale: float) -> list[Bar]:
    """Ten exports of 100,000 events of 60 KB at once: memory, and how late others' events are"""
    events = max(int(EVENTS * scale), 1_000)
    job = large_job(testbed, events, BYTES)
    bars = []
    for name, path in (("a job", f"/api/jobs/{job}/events"), ("the audit", "/api/audit")):
        with servers.ours(testbed) as ours:
            alone = [_live(ours)]
            with _exporting(ours, path) as under_way:
                beside = [_live(ours) for _ in range(ROUNDS)]
            alone.append(_live(ours))
        bars += _bars(name, alone, beside, under_way)
    return bars


@dataclass(slots=True)
class _UnderWay:
    """Ten exports: the bytes that the process had before, and at most; how they came out."""

    before: int
    most: int = 0
    seconds: float = 0.0
    bytes: list[int] = field(default_factory=list)


@contextmanager
def _exporting(ours: Served, path: str) -> Iterator[_UnderWay]:
    """Have ten exports under way; on leaving, all have ended."""
    url = f"http://127.0.0.1:{ours.port}{path}"
    headers = [f"Authorization: Bearer {ours.token}", "Accept: application/x-ndjson"]
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", url]
    command += [part for header in headers for part in ("-H", header)]
    seen, began = _UnderWay(ours.memory()), time.monotonic()
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(EXPORTS)]
    watching = threading.Thread(target=_watch, args=(ours, readers, seen))
    watching.start()
    try:
        yield seen
        seen.bytes = [int(reader.communicate()[0]) for reader in readers]
        seen.seconds = time.monotonic() - began
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
        watching.join()


def _watch(ours: Served, readers: list[subprocess.Popen[str]], seen: _UnderWay) -> None:
    while any(reader.poll() is None for reader in readers):
        seen.most = max(seen.most, ours.memory())
        time.sleep(LOOK_SECONDS)


def _live(ours: Served) -> Round:
    [job] = running_jobs(1)
    source = Ours(job)
    requests = [websocket(f"/ws/jobs/{job}/?after=2", ours.token)] * FOLLOWERS
    with source.noting():
        return use_in_django(ours, requests, "caught_up", source, LIVE, WAIT_SECONDS)


def _bars(name: str, alone: list[Round], beside: list[Round], seen: _UnderWay) -> list[Bar]:
    grown = (seen.most - seen.before) / MIB
    notes = {
        "MB/s": sum(seen.bytes) / seen.seconds / 1e6,
        "seconds": seen.seconds,
        "bytes of the shortest": min(seen.bytes),
        "delivered of what was due": min(each.delivered / each.due for each in beside),
    }
    late, before = (statistics.mean(each.late(0.99) for each in one) for one in (beside, alone))
    return [
        Bar(f"exports of {name}: the process grows, MiB", grown, "≤ 64", grown, None, "MiB", notes),
        Bar(f"exports of {name}: p99 of live events, beside none", late / before, "≤ 2", late,
            before, "ms"),
    ]  # fmt: skip
