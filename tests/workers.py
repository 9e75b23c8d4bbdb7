"""Real `manage.py worker` processes, and a kind whose runs they can be caught at."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.kinds.registry import Kind
from jobs.run import Run, Step

ROOT = Path(__file__).resolve().parent.parent


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


KINDS = ("tests.workers.Brief", "tests.workers.Shared")


@contextmanager
def processes(count: int, **env: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run workers; what is left of them is killed at the end."""
    own = {"REPRISE_KINDS": ",".join(KINDS)}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-worker-"))
        file = stack.enter_context((Path(folder) / "log").open("wb"))
        started = []
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", "--runs", "8"],
                cwd=ROOT, env=os.environ | own | {"REPRISE_STATE": folder} | env,
                stdout=file, stderr=file,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            started.append(process)
        yield started
