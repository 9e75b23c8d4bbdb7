"""A command dies with its worker, in whichever millisecond of its start that is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from uuid import uuid4

import psutil
import pytest

from tests.acceptance.process_search import with_environment
from tests.acceptance.up import ROOT
from tests.support.waiting import PATIENCE_SECONDS

WORKERS = 20
LONGEST_START_SECONDS = {"trusted": 0.008, "isolated": 0.1}
WORKER = """
import asyncio, django, sys
from jobs.transports import local

django.setup()
local.is_refused()

class Listener:
    env = {"REPRISE_ORPHANS": sys.argv[1]}
    def output(self, text, stream="out"): ...
    async def drain(self): ...

async def main():
    print("starts", flush=True)
    await local.run_local(["sh", "-c", "sleep 600; : " + sys.argv[1]], Listener())

asyncio.run(main())
"""


@pytest.mark.parametrize("mode", LONGEST_START_SECONDS)
def test_a_command_never_outlives_a_worker_that_was_killed_while_it_started(
    seed: int, mode: str
) -> None:
    rng, mark = random.Random(seed), uuid4().hex
    for _ in range(WORKERS):
        command = [sys.executable, "-c", WORKER, mark]
        with subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"REPRISE_LOCAL": mode}, stdout=subprocess.PIPE,
            text=True,
        ) as worker:  # fmt: skip
            assert worker.stdout is not None
            assert worker.stdout.readline() == "starts\n"
            time.sleep(rng.uniform(0, LONGEST_START_SECONDS[mode]))
            worker.kill()
    give_up = time.monotonic() + PATIENCE_SECONDS  # far less than the command takes
    while (left := _left(mark)) and time.monotonic() < give_up:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"{len(left)} of {WORKERS} outlived their workers"


def _left(mark: str) -> set[int]:
    """Return what has the mark in its environment or, as the launcher has, among its words."""
    named = {one.pid for one in psutil.process_iter() if mark in " ".join(_words(one))}
    return named | with_environment(REPRISE_ORPHANS=mark).keys()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
