"""Runs `manage.py worker` processes, and a kind whose runs can be made to hang."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.kinds import Kind
from jobs.run import Run, Step
from ops.setup.clone import ROOT


class BriefParams(BaseModel):
    """What it holds on to, and whether its first attempt never ends."""

    targets: list[str] = []
    hang: bool = False


class Brief(Kind[BriefParams]):
    """Takes a moment."""

    name = "test-brief"
    title = "Take a moment"
    Params = BriefParams

    def targets(self, params: BriefParams) -> list[str]:
        return params.targets

    async def run(self, run: Run, params: BriefParams) -> Any:
        async def moment(step: Step) -> None:
            if params.hang and run.attempt == 1:
                await asyncio.Event().wait()

        await run.step("moment", moment)
        await run.sleep(0.05)


class Shared(Brief):
    """The same without a claim on its targets."""

    name = "test-shared"
    exclusive = False


KINDS = ("tests.support.workers.Brief", "tests.support.workers.Shared")


@contextmanager
def processes(count: int, **env: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run workers; what is left of them is killed at the end."""
    with ExitStack() as stack:
        start = stack.enter_context(_starting(env))
        yield [start() for _ in range(count)]


@contextmanager
def restarted(**env: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run a worker, and another when it ends; all that there have been are in the list."""
    over = threading.Event()
    with ExitStack() as stack:
        start = stack.enter_context(_starting(env))
        started = [start()]

        def keep() -> None:
            while not over.wait(0.1):
                if started[-1].poll() is not None:
                    started.append(start())

        keeper = threading.Thread(target=keep)
        stack.callback(keeper.join)
        stack.callback(over.set)
        keeper.start()
        yield started


@contextmanager
def _starting(env: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    own = {"REPRISE_KINDS": ",".join(KINDS)}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-worker-"))
        file = stack.enter_context((Path(folder) / "log").open("wb"))

        def start() -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", "--runs", "8"],
                cwd=ROOT, env=os.environ | own | {"REPRISE_STATE": folder} | env,
                stdout=file, stderr=file,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start
