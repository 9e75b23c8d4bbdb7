"""Fold replay: a thousand histories of five hundred events, read, checked and folded."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from core.ids import uuid7
from jobs.events import Event, parse
from jobs.events.recording import recorded_changes
from jobs.replay.fold import replay_fold
from jobs.replay.history import load_history
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed
from tests.replay import histories
from tests.support.histories import event, recorded

HISTORIES, EVENTS = 1000, 500
PROCESSES = 2
LONGEST_SECONDS = 60


def fold(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000 records of 500 events on two cores: read from files, checked, folded, compared"""
    count = max(int(HISTORIES * scale), PROCESSES)
    with TemporaryDirectory(dir=testbed.folder) as folder:
        paths = [_write_history(Path(folder), number) for number in range(count)]
        began = time.perf_counter()
        with ProcessPoolExecutor(PROCESSES) as pool:
            assert not any(pool.map(_replay, paths, chunksize=10))
        took = time.perf_counter() - began
    per_second = count * EVENTS / took
    wanted = f"≤ {LONGEST_SECONDS * scale:g}"
    return [Bar(f"fold of {count:,} × {EVENTS}", took, wanted, per_second, unit="events/s")]


def _write_history(folder: Path, number: int) -> Path:
    """Write a record of a rollout that is as long as wanted, and its states."""
    path = folder / f"{number}.ndjson"
    lines = recorded(_rollout(), uuid7())
    path.write_text("".join(f"{line}\n" for line in lines))
    changes = recorded_changes(lines[1:])
    path.with_suffix(".states").write_text("".join(f"{line}\n" for line in changes))
    return path


def _rollout() -> list[Event]:
    first, *more = (parse(text) for text in histories.read("all-well").texts)
    events = [first, more[0]]
    target = 0
    while len(events) < EVENTS - 6:
        where = {"step": "restart", "target": f"gs-{target:03}"}
        data = {"try": 1, "occurrence": 1}
        events += [
            event("step.started", data, **where),
            event("step.output", {"text": "restarting, this takes a moment\n"}, **where),
            event("step.output", {"text": "pid 4711, listening\n"}, **where),
            event("step.succeeded", {**data, "seconds": 1.2, "result": {"pid": 4711}}, **where),
            event("job.progressed", {"done": target, "failed": 0}),
        ]
        target += 1
    events += [event("job.progressed", {"done": target})] * (EVENTS - 1 - len(events))
    return [*events, event("job.succeeded", {"message": "Done."})]


def _replay(path: Path) -> str:
    """Return the first difference in words, "" for none."""
    changes = path.with_suffix(".states").read_text().splitlines()
    return str(replay_fold(load_history(path), changes) or "")
