"""A command dies with its worker, in whichever millisecond of its start that is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from uuid import uuid4

from tests.acceptance.process_search import with_environment
from tests.acceptance.up import ROOT

WORKERS = 20
LONGEST_START_SECONDS = 0.008
WORKER = """
import asyncio, sys
from jobs.transports import local

class Listener:
    env = {"REPRISE_ORPHANS": sys.argv[1]}
    def output(self, text, stream="out"): ...
    async def drain(self): ...

async def main():
    print("starts", flush=True)
    await local.run_local(["sleep", "600"], Listener())

asyncio.run(main())
"""


def test_a_command_never_outlives_a_worker_that_was_killed_while_it_started(seed: int) -> None:
    rng, mark = random.Random(seed), uuid4().hex
    for _ in range(WORKERS):
        command = [sys.executable, "-c", WORKER, mark]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "starts\n"
            time.sleep(rng.uniform(0, LONGEST_START_SECONDS))
            worker.kill()
    give_up = time.monotonic() + 20  # far less than the command takes, far more than dying does
    while (left := with_environment(REPRISE_ORPHANS=mark)) and time.monotonic() < give_up:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"{len(left)} of {WORKERS} outlived their workers"
