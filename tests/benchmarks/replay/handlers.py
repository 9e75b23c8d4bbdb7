"""Handler replay: a thousand records of five hundred events, read, checked and replayed."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel

from jobs.kinds import Kind
from jobs.replay import harness
from jobs.replay.handler import replay_handler
from jobs.replay.history import load_history
from jobs.run import Retry, Run, Step
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

HISTORIES, EVENTS = 1000, 500
DIFFERENT = 20  # the others are copies of these: making them takes longer than replaying them
PROCESSES = 2
LONGEST_SECONDS = 60


class Servers(BaseModel):
    """Which servers to roll out to."""

    servers: list[str]


class Rollout(Kind[Servers]):
    """A rollout of three steps on each server."""

    name = "bench-rollout"
    title = "Roll out"
    Params = Servers

    async def run(self, run: Run, params: Servers) -> Any:
        async def update(name: str) -> None:
            await run.step("fetch", _work, name, retry=Retry(3), timeout=60)
            await run.step("switch", _work, name, undo=_work, input={"server": name})
            await run.step("restart", _work, name, timeout=90)

        await run.gate("go")
        outcome = await run.rollout(params.servers, update, batch=8, canary=1)
        return {"done": len(outcome.done), "at": str(await run.now())}


def handler(testbed: Testbed, scale: float) -> list[Bar]:
    """1,000 records of 500 events on two cores: read from files, checked, replayed by a handler"""
    count = max(int(HISTORIES * scale), PROCESSES)
    with TemporaryDirectory(dir=testbed.folder) as folder:
        paths = _write_histories(Path(folder), count)
        began = time.perf_counter()
        with ProcessPoolExecutor(PROCESSES) as pool:
            assert not any(pool.map(_replay, paths, chunksize=10))
        took = time.perf_counter() - began
    per_second = count * EVENTS / took
    wanted = f"≤ {LONGEST_SECONDS * scale:g}"
    return [Bar(f"handler of {count:,} × {EVENTS}", took, wanted, per_second, unit="events/s")]


def _write_histories(folder: Path, count: int) -> list[Path]:
    servers = [f"gs-{number:03}" for number in range(EVENTS // 7)]
    made = [harness.run_sync(Rollout, {"servers": servers}) for _ in range(min(count, DIFFERENT))]
    paths = [folder / f"{number}.ndjson" for number in range(count)]
    for number, path in enumerate(paths):
        made[number % len(made)].save(path)
    return paths


def _replay(path: Path) -> str:
    """Return the divergence in words, "" for none."""
    return str(replay_handler(load_history(path), Rollout()) or "")


async def _work(step: Step) -> dict[str, str]:
    return {"version": "1.5.0"}
