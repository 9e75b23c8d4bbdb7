"""Transport `local`: a command on this machine, as a subprocess that cannot outlive its worker.

It is isolated from the service (`jobs.transports.sandbox`) unless REPRISE_LOCAL says otherwise.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import cast

from django.conf import settings

from jobs.transports import arguments, sandbox
from jobs.transports.base import TERM_SECONDS, Listener, Place
from jobs.transports.cancellation import run_to_end
from jobs.transports.errors import CommandUnusable, LocalRefused
from jobs.transports.output_copies import Copies

# A trusted command gets the service's environment less these: anyone who can read a log could read
# them there, should it print that.
SECRETS = {
    "DATABASE_URL",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "PGPASSWORD",
    "REDIS_URL",
    "REPRISE_SECRET_KEY",
    "REPRISE_SUPERUSER_DATABASE_URL",
    "REPRISE_SENTRY_DSN",
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
_STREAMS = {"out": 1, "err": 2}


async def run_local(
    argv: Sequence[str],
    step: Listener,
    *,
    target: Place | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Run a command on the worker's machine, whatever the target (a `base.Transport`).

    Raises LocalRefused where it can neither be isolated nor is trusted.
    """
    isolation = await _isolation()
    own = {**_inherited(isolation), **step.env, **(env or {})}
    arguments.check_arguments(argv, own)
    if refused := arguments.find_refusal(argv, own.get("PATH", os.defpath), cwd):
        status, words = refused
        step.output(f"{words}\n", "err")
        return status
    process = _Process()
    try:
        await run_to_end(process.start(_launch(isolation, argv, own, cwd)))
        await _copy_until_exit(process, step, timeout)
    finally:
        await run_to_end(process.end())
    code = process.returncode
    return code if code >= 0 else 128 - code


@cache
def current_isolation() -> sandbox.Isolation | None:
    """Return how this process isolates commands, None if it cannot; found once, in a moment."""
    return sandbox.find_isolation(settings.REPRISE)


def is_refused() -> bool:
    """Return whether this process can neither isolate commands nor may trust them."""
    return not _is_trusted() and current_isolation() is None


def _is_trusted() -> bool:
    return bool(settings.REPRISE.local == "trusted")


async def _isolation() -> sandbox.Isolation | None:
    found = None if _is_trusted() else await asyncio.to_thread(current_isolation)
    if is_refused():
        raise LocalRefused(f"{sandbox.REFUSED} {sandbox.HINT}")
    return found


def _inherited(isolation: sandbox.Isolation | None) -> dict[str, str]:
    if isolation:
        return sandbox.kept_environment()
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


@dataclass(frozen=True, slots=True)
class _Launch:
    """What to start, and what to write to its standard input."""

    words: Sequence[str]
    env: Mapping[str, str]
    cwd: str | None
    given: bytes = b""


def _launch(
    isolation: sandbox.Isolation | None,
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | None,
) -> _Launch:
    words = _for_exec(argv, env, cwd)
    if isolation is None:
        return _Launch(["/bin/sh", "-c", _TIED, "reprise", *words], env, cwd)
    # What is not isolated yet must not obey variables that whoever gave the command has chosen.
    plan = isolation.plan(settings.REPRISE, env, cwd)
    return _Launch(isolation.words(words), {}, "/", plan)


class _Process(asyncio.SubprocessProtocol):
    """A command: its output to read, and its exit, which need not be the end of its output.

    asyncio's own `Process.wait` waits for both (https://github.com/python/cpython/issues/119710).
    """

    def __init__(self) -> None:
        self.exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_open = False  # from the start until it is closed
        self.readers = {fd: asyncio.StreamReader() for fd in _STREAMS.values()}

    async def start(self, launch: _Launch) -> None:
        """Start the command; OSError, CommandUnusable.

        Cancelled half-way, asyncio kills the command alone and keeps the pipe that ties its group
        to this process.
        """
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self, *launch.words, env=launch.env, cwd=launch.cwd, start_new_session=True
            )
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            detail = "The command line is too long for this machine."
            raise CommandUnusable(detail) from error
        self._write(launch.given)

    async def end(self) -> None:
        """End the command and what is left of its process group, if it has been started."""
        if not self._is_open:
            return
        if not self.exited.done():
            self.kill_group(signal.SIGTERM)
            await asyncio.wait({self.exited}, timeout=TERM_SECONDS)
        self.kill_group(signal.SIGKILL)
        await asyncio.wait({self.exited})
        self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._is_open = True
        for fd, reader in self.readers.items():
            if pipe := self._transport.get_pipe_transport(fd):
                reader.set_transport(pipe)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.readers[fd].feed_data(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if reader := self.readers.get(fd):
            reader.feed_eof()

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    @property
    def returncode(self) -> int:
        """The exit status, or a signal's number below 0."""
        return self._transport.get_returncode() or 0

    def _write(self, given: bytes) -> None:
        """Write to its standard input, which stays open."""
        if pipe := self._transport.get_pipe_transport(0):
            cast(asyncio.WriteTransport, pipe).write(given)

    def kill_group(self, sign: signal.Signals) -> None:
        """Send a signal to all that is left of the command's process group."""
        if self._is_open:  # else the number may be somebody else's
            with suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), sign)

    def close(self) -> None:
        """Let go of its output, and of the pipe that ties it to this process."""
        self._is_open = False
        self._transport.close()


async def _copy_until_exit(process: _Process, step: Listener, timeout: float | None) -> None:
    """Copy the output until the command exits, and what of it is on its way then."""
    copies = Copies(step, {name: process.readers[fd] for name, fd in _STREAMS.items()})
    try:
        async with asyncio.timeout(timeout):
            await copies.until(process.exited)
        await copies.drain()
        process.kill_group(signal.SIGKILL)
        process.close()
        await copies.finish()
    finally:
        copies.stop()


def _for_exec(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> Sequence[str]:
    """Return the words for the shell's `exec`, which may take a first one with `-` for its own."""
    if not argv[0].startswith("-"):
        return argv
    return [arguments.find_command(argv[0], env.get("PATH", os.defpath), cwd), *argv[1:]]
