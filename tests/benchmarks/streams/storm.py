"""A thousand followers come back within a second, each somewhere behind."""

from __future__ import annotations

import random
import time
from uuid import UUID

from tests.benchmarks.report import Bar
from tests.benchmarks.streams import servers
from tests.benchmarks.streams.crowds import following, websocket
from tests.benchmarks.streams.marked import marked_job
from tests.benchmarks.testbed import Testbed

FOLLOWERS = 1_000
JOBS = 20
BEHIND = 5_000
PAGE = 1_000


def storm(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000 followers of 20 jobs come back within a second, up to 5,000 events behind"""
    count = max(int(FOLLOWERS * scale), 100)
    jobs = [marked_job(BEHIND) for _ in range(JOBS)]
    head = BEHIND + 2
    chance = random.Random(1)
    behind = [chance.randrange(BEHIND + 1) for _ in range(count)]
    with servers.ours(testbed) as ours:
        requests = [
            websocket(f"/ws/jobs/{jobs[n % JOBS]}/?after={head - events}", ours.token)
            for n, events in enumerate(behind)
        ]
        _warm(ours, jobs[0], head)
        before, cpu = ours.counters(), ours.cpu() + ours.database_cpu()
        began = time.monotonic()
        with following(ours.port, requests, '"caught_up"', spread=1.0) as crowd:
            crowd.until_ready()
            seconds = time.monotonic() - began
            cpu = ours.cpu() + ours.database_cpu() - cpu
            crowd.until_done_or(0)
            seen = crowd.seen()
        after = ours.counters()
    if sum(seen["counts"]) != sum(behind) or seen["lost"]:
        raise AssertionError(f"{sum(seen['counts'])} events of {sum(behind)}, {seen['lost']} cut")
    waits = sorted(seen["ready"])
    reads = after["page_reads_total"] - before["page_reads_total"]
    alone = sum(-(-events // PAGE) for events in behind)
    notes = {"followers": count, "events": sum(behind), "all, s": seconds, "CPU s": cpu}
    p50, p99 = (waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
    return [
        Bar(
            "storm: page reads, beside one a follower and page", reads / alone, "≤ 0.1",
            float(reads), float(alone), "reads",
        ),
        Bar("storm: connect → caught up, p99, s", p99, "", p99, None, "s", {"p50 s": p50, **notes}),
    ]  # fmt: skip


def _warm(ours: servers.Served, job: UUID, head: int) -> None:
    """Let one follower come and go, so that the process has what the first one makes it load."""
    asked = websocket(f"/ws/jobs/{job}/?after={head}", ours.token)
    with following(ours.port, [asked], '"caught_up"') as crowd:
        crowd.until_ready()
