"""Eight writer processes on three jobs, 200,000 events; a feed reader misses and doubles none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from uuid import UUID

import pytest
from django.db import connection

from jobs import feed, log
from jobs.log import cursor_of
from ops.setup.clone import ROOT
from tests.support.factories import ATTEMPT, make_job

WRITERS = 8
EVENTS = 200_000
BATCH = 100

# Every third transaction locks two jobs, in ascending id, so that their events cross.
WRITER = """
import sys
from uuid import UUID
import django
django.setup()
from jobs.log import Append, append_many
from tests.support.factories import output

number, batches, size, *jobs = sys.argv[1:]
jobs = sorted(jobs)
for batch in range(int(batches)):
    first = (int(number) + batch) % len(jobs)
    chosen = [jobs[first]] if batch % 3 else sorted({jobs[first], jobs[(first + 1) % len(jobs)]})
    share = int(size) // len(chosen)
    events = [output(f"{number}/{batch}/{n}") for n in range(share)]
    wishes = [Append(UUID(job), events, f"worker:{number}") for job in chosen]
    if not all(append_many(wishes)):
        raise SystemExit("a batch was not stored")
"""


@pytest.mark.timeout(300)
def test_eight_writer_processes_and_a_reader_miss_and_double_nothing(database: str) -> None:
    jobs = [make_job(events=[ATTEMPT]).pk for _ in range(3)]
    writers = [_start(database, number, jobs) for number in range(WRITERS)]
    read: list[tuple[int, UUID, int]] = []
    seen: dict[UUID, int] = defaultdict(int)
    while any(writer.poll() is None for writer in writers) or feed.sequence_events():
        feed.sequence_events()
        _read(read, seen)
    _read(read, seen)
    assert [writer.wait() for writer in writers] == [0] * WRITERS
    heads = {job: found.seq for job in jobs if (found := log.read_head(job))}
    assert sum(heads.values()) == EVENTS + 2 * len(jobs)
    assert dict(seen) == heads
    assert [position for position, _, _ in read] == list(range(1, len(read) + 1))


def _start(database: str, number: int, jobs: list[UUID]) -> subprocess.Popen[bytes]:
    batches = EVENTS // WRITERS // BATCH
    arguments = [str(number), str(batches), str(BATCH), *map(str, jobs)]
    env = os.environ | {"DATABASE_URL": database}
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], cwd=ROOT, env=env)


def _read(read: list[tuple[int, UUID, int]], seen: dict[UUID, int]) -> None:
    """Follow the feed from where the last call stood; each event must be its job's next."""
    while True:
        page = feed.read_feed(read[-1][0] if read else 0, 10_000)
        for event in page.events:
            assert event.seq == seen[event.job] + 1
            assert cursor_of(event.text).startswith(f"{event.seq}-")
            seen[event.job] = event.seq
            read.append((event.position, event.job, event.seq))
        if page.last == page.after:
            connection.close()  # no snapshot of ours holds the horizon
            return
