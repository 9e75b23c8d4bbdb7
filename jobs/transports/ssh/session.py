"""One command over a link: its output, its exit status, and its end when nobody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain, repeat

import asyncssh
from django.conf import settings

from jobs.transports.base import CHUNK, TERM_SECONDS, Listener, Place, copy, settled
from jobs.transports.errors import TargetUnusable
from jobs.transports.ssh.hosts import host_of
from jobs.transports.ssh.line import line
from jobs.transports.ssh.link import Link
from jobs.transports.ssh.login import login_of

# What a host gets, beyond the time that its command has, to say that this has ended.
ANSWER_SECONDS = 3.0
BEATS = 5  # in the time after which a command that hears nothing ends itself
BEAT = b"."
# How long a host may have no room for the only command over a connection: sshd counts one that has
# ended until it has cleaned up behind it, which on a busy host is after it has said so.
ROOM_SECONDS = 5.0
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # between attempts; the last one from then on

# What sshd answers then (OpenSSH the first), of the reasons of RFC 4254, section 5.1.
NO_ROOM = (asyncssh.OPEN_CONNECT_FAILED, asyncssh.OPEN_RESOURCE_SHORTAGE)

Process = asyncssh.SSHClientProcess[bytes]


async def run(
    argv: Sequence[str],
    step: Listener,
    *,
    target: Place,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Run a command on the target's host, as the user of its address (a `base.Transport`).

    It gets the environment that sshd gives, with the step's and `env` on top. 127 is the exit
    status where there is no such command.
    """
    try:
        asked = line(argv, {**step.env, **(env or {})}, cwd, settings.REPRISE.ssh_silence_seconds)
    except ValueError as error:
        raise TargetUnusable(f"{target.name}: {error}.") from error
    async with asyncio.timeout(timeout), host_of(login_of(target)).link() as link:
        try:
            return await _run(link, asked, step)
        except (asyncssh.Error, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise link.lost(error) from error


async def _run(link: Link, asked: str, step: Listener) -> int:
    process = await _start_in_turn(link, asked)
    link.commands += 1
    beating = asyncio.create_task(_beat(process))
    try:
        copies = (copy(process.stdout, step, "out"), copy(process.stderr, step, "err"))
        await asyncio.gather(*copies, process.wait_closed())
    finally:
        beating.cancel()
        await _end(link, process)
        link.commands -= 1
    code = process.returncode
    if code is None:
        raise link.lost(None)
    return code if code >= 0 else 128 - code


async def _start_in_turn(link: Link, asked: str) -> Process:
    """Start a command as soon as the host has room for one more over this connection.

    sshd refuses the session beyond its MaxSessions, and has run nothing then. The command waits for
    as long as others run over the connection, and ROOM_SECONDS when it is alone.
    """
    alone = 0.0
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            return await _start(link, asked)
        except asyncssh.ChannelOpenError as error:
            if error.code not in NO_ROOM or link.is_over or alone > ROOM_SECONDS:
                raise
        await asyncio.sleep(pause)
        alone = 0.0 if link.commands else alone + pause
    raise AssertionError("the pauses have no end")


async def _start(link: Link, asked: str) -> Process:
    """Start a command; cancelled meanwhile, end what may have been started."""
    connection = await link.connected()
    starting = asyncio.ensure_future(connection.create_process(asked, encoding=None))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=ANSWER_SECONDS)
        if not starting.done():
            link.close()
            starting.cancel()
        elif starting.exception() is None:
            await _end(link, starting.result())
        raise


async def _beat(process: Process) -> None:
    """Let the host's end of the command know that somebody is still there."""
    while not process.is_closing():
        process.stdin.write(BEAT)
        await asyncio.sleep(settings.REPRISE.ssh_silence_seconds / BEATS)


async def _end(link: Link, process: Process) -> None:
    """End the command and wait until the host says so; give up a link over which it does not."""
    if process.channel.is_closing() and process.returncode is not None:
        return
    with suppress(OSError, asyncssh.Error):
        process.stdin.write_eof()
        # What it still writes must be taken from the channel, or its end is never heard of.
        rest = (_drop(process.stdout), _drop(process.stderr))
        ended = asyncio.gather(*rest, process.wait_closed())
        if await settled(ended, TERM_SECONDS + ANSWER_SECONDS):
            return
    link.close()


async def _drop(stream: asyncssh.SSHReader[bytes]) -> None:
    while await stream.read(CHUNK):
        pass
