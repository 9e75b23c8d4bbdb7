"""Transport `local`: a command on this machine, as a subprocess that cannot outlive its worker."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from jobs.transports.base import Listener

TERM_SECONDS = 2.0
CHUNK = 32 * 1024
# Whoever can read a log could read these there, should a command print its environment.
SECRETS = {"DATABASE_URL", "REDIS_URL", "REPRISE_SECRET_KEY", "PGPASSWORD"}

# The kernel kills the command when its parent dies, but only once that is set: a worker that died
# in the milliseconds before would leave it running, so it looks who its parent is after that.
_TIED = ("setpriv", "--pdeathsig", "KILL", "--", "/bin/sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"')


async def run(
    argv: Sequence[str],
    step: Listener,
    *,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Run a command, stream its output to the step, return its exit code.

    It gets the step's environment (REPRISE_JOB, REPRISE_FENCE, …), none of the service's secrets,
    and a process group of its own, which is ended (TERM, then KILL) when the step is cancelled or
    takes longer than `timeout` seconds (TimeoutError), and with the command itself. When the worker
    dies the kernel kills the command; what that has started in the background, it must end itself.
    127 is the exit code where there is no such command.
    """
    process = await asyncio.create_subprocess_exec(
        *_TIED, str(os.getpid()), *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**_inherited(), **step.env, **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(timeout):
            copies = (_copy(process.stdout, step, "out"), _copy(process.stderr, step, "err"))
            await asyncio.gather(*copies, process.wait())
    finally:
        await _end(process)
    return process.returncode or 0


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


async def _copy(stream: asyncio.StreamReader | None, step: Listener, name: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while stream and (data := await stream.read(CHUNK)):
        step.output(decoder.decode(data), name)
        await step.drain()
    if rest := decoder.decode(b"", final=True):
        step.output(rest, name)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what is left of the process group."""
    if process.returncode is None:
        _kill_group(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), TERM_SECONDS)
    _kill_group(process.pid, signal.SIGKILL)
    await process.wait()


def _kill_group(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, sign)
