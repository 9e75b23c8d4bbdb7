"""Transport `local`: a command on this machine, as a subprocess that cannot outlive its worker."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from jobs.transports.base import TERM_SECONDS, Listener, Place, copy, settled

# Whoever can read a log could read these there, should a command print its environment.
SECRETS = {
    "DATABASE_URL",
    "PGPASSWORD",
    "REDIS_URL",
    "REPRISE_SECRET_KEY",
    "REPRISE_SUPERUSER_DATABASE_URL",
    "REPRISE_WEBHOOK_SECRET",
}

# In the command's process group a shell waits for the end of its standard input, a pipe that only
# the worker writes to: the kernel closes that when the worker ends, however that happens, and then
# the shell ends the group. It stays deaf to what ends the command itself.
_TIED = (
    "exec 3<&0; "
    '( trap "" HUP INT TERM; exec >/dev/null 2>&1; read -r _ <&3; kill -s KILL 0 ) & '
    'exec "$@" 3<&- </dev/null'
)


async def run(
    argv: Sequence[str],
    step: Listener,
    *,
    target: Place | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Run a command on the worker's machine, whatever the target (a `base.Transport`).

    It gets the worker's environment without the service's secrets. 127 is the exit status where
    there is no such command.
    """
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", _TIED, "reprise", *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**_inherited(), **step.env, **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(timeout):
            copies = (copy(process.stdout, step, "out"), copy(process.stderr, step, "err"))
            await asyncio.gather(*copies, process.wait())
    finally:
        await _end(process)
    code = process.returncode or 0
    return code if code >= 0 else 128 - code


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what is left of the process group."""
    if process.returncode is None:
        _kill_group(process.pid, signal.SIGTERM)
        await settled(process.wait(), TERM_SECONDS)
    _kill_group(process.pid, signal.SIGKILL)
    await process.wait()


def _kill_group(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, sign)
