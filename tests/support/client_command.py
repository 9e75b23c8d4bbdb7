"""Runs `reprise` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from functools import partial

from ops.setup.clone import ROOT
from tests.support.live_server import LiveServer


async def reprise(
    scene: LiveServer, job: object, *arguments: str, token: str | None = None,
    command: str = "follow",
) -> Process:  # fmt: skip
    """Start a command about a job, with a token in its environment."""
    proxies = ("http_proxy", "https_proxy", "all_proxy", "reprise_token", "reprise_server")
    env = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    env["REPRISE_TOKEN"] = scene.people.alice.raw if token is None else token
    target = job if isinstance(job, str) else f"{scene.web.url}/jobs/{job}"
    words = [sys.executable, "-m", "streams.client", command, target, *arguments]
    # Where the tests run in a shell's background, SIGINT is ignored, and would be in here as well.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE, preexec_fn=heeding
    )


async def result(running: Process) -> tuple[int | None, str, str]:
    """Return its exit status, and what it has printed."""
    out, err = await running.communicate()
    return running.returncode, out.decode(), err.decode()
