"""One command over a link: its output, its exit status, and its end when nobody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat
from typing import Any, cast

import asyncssh
from django.conf import settings

from jobs.transports import arguments
from jobs.transports.base import TERM_SECONDS, Listener, Place, open_credential, waiting_for_place
from jobs.transports.cancellation import run_to_end
from jobs.transports.errors import HostBusy
from jobs.transports.output_copies import CHUNK, Copies
from jobs.transports.ssh.command_line import make_request
from jobs.transports.ssh.connection import SshConnection, host_of
from jobs.transports.ssh.login import Login, credential_of, login_of

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


async def run_session(
    argv: Sequence[str],
    step: Listener,
    *,
    target: Place,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> int:
    """Run a command on the target's host, as the user of its address (a `base.Transport`).

    It gets the environment that sshd gives, with the step's and `env` on top. While the host has no
    room for it, for REPRISE_SSH_PLACE_SECONDS at most (HostBusy), no time of `timeout` or of the
    step's limit passes.
    """
    config, login = settings.REPRISE, login_of(target)
    if name := credential_of(target):
        login = replace(login, credential=await open_credential(step, name))
    own = {**step.env, **(env or {})}
    arguments.check_arguments(argv, own)
    asked = make_request(argv, step.env, env or {}, cwd, config.ssh_silence_seconds)
    async with AsyncExitStack() as stack:
        async with waiting_for_place(step, login.where), _place_timeout(login):
            link = await stack.enter_async_context(host_of(login).link())
            stack.enter_context(_translate_errors(link))
            process = await _start_in_turn(link, asked.line)
            stack.push_async_callback(lambda: run_to_end(_end_process(link, process)))
            if asked.given:
                process.stdin.write(asked.given)
        return await _run_process(link, process, step, timeout)


@asynccontextmanager
async def _place_timeout(login: Login) -> AsyncIterator[None]:
    seconds = settings.REPRISE.ssh_place_seconds
    limit = asyncio.timeout(seconds or None)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        detail = f"had no room for one more command within {seconds:g} s"
        raise HostBusy(f"{login.where} {detail}.") from None


@contextmanager
def _translate_errors(link: SshConnection) -> Iterator[None]:
    """Say what it means for the command that its session ended, or was never begun."""
    try:
        yield
    except TimeoutError:
        raise
    except (asyncssh.Error, OSError) as error:
        raise link.lost(error) from error


class Process(asyncssh.SSHClientProcess[bytes]):
    """A command's session; the command's exit need not be the end of that."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def exit_status_received(self, status: int) -> None:
        """Note the exit (asyncssh calls this)."""
        super().exit_status_received(status)
        self._note_exit()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """Note the exit (asyncssh calls this)."""
        super().exit_signal_received(signal, core_dumped, msg, lang)
        self._note_exit()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the session, with the connection or without (asyncssh calls this)."""
        super().connection_lost(exc)
        self._note_exit()

    def _note_exit(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)


async def _run_process(
    link: SshConnection, process: Process, step: Listener, timeout: float | None
) -> int:
    link.commands += 1
    beating = asyncio.create_task(_send_beats(process))
    copies = Copies(step, {"out": process.stdout, "err": process.stderr})
    try:
        async with asyncio.timeout(timeout):
            await copies.until(process.exited)
        await copies.drain()
        process.channel.close()  # what has left the command's group may hold its output open
        await copies.finish()
    finally:
        copies.stop()
        beating.cancel()
        link.commands -= 1
    code = process.returncode
    if code is None:
        raise link.lost(None)
    return code if code >= 0 else 128 - code


async def _start_in_turn(link: SshConnection, asked: bytes) -> Process:
    """Start a command as soon as the host has room for one more over this connection.

    sshd refuses the session beyond its MaxSessions, and has run nothing then. The command waits for
    as long as others run over the connection, and ROOM_SECONDS when it is alone.
    """
    alone = 0.0
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            return await _start_process(link, asked)
        except asyncssh.ChannelOpenError as error:
            if error.code not in NO_ROOM or link.is_over or alone > ROOM_SECONDS:
                raise
        await asyncio.sleep(pause)
        alone = 0.0 if link.commands else alone + pause
    raise AssertionError("the pauses have no end")


async def _start_process(link: SshConnection, asked: bytes) -> Process:
    """Start a command; cancelled meanwhile, end what may have been started."""
    connection = await link.connected()
    command: Any = asked  # bytes go as they are, whatever its annotation says
    starting = asyncio.ensure_future(connection.create_session(Process, command, encoding=None))
    try:
        _, process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_close_late)
        await run_to_end(_wait_for_answer(link, starting))
        raise
    return cast(Process, process)


async def _wait_for_answer(link: SshConnection, starting: asyncio.Future[Any]) -> None:
    await asyncio.wait({starting}, timeout=ANSWER_SECONDS)
    if not starting.done():
        link.retire()


def _close_late(starting: asyncio.Future[Any]) -> None:
    """Close a session that nobody wants any more: its command ends with its standard input."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result()[0].close()


async def _send_beats(process: Process) -> None:
    """Let the host's end of the command know that somebody is still there."""
    while not process.is_closing():
        process.stdin.write(BEAT)
        await asyncio.sleep(settings.REPRISE.ssh_silence_seconds / BEATS)


async def _end_process(link: SshConnection, process: Process) -> None:
    """End the command and wait until the host says so.

    Where it does not, only this session is given up: others may share the connection. They end
    with it if it is dead, which the keepalives find out; nobody else begins over it.
    """
    try:
        if not process.exited.done():
            with suppress(OSError, asyncssh.Error):
                process.stdin.write_eof()
            await _exit_heard(process)
    finally:
        if not process.exited.done():
            link.retire()
        process.channel.abort()


async def _exit_heard(process: Process) -> None:
    """Wait for a command that is being ended; what it still writes has to be taken meanwhile."""
    rest = asyncio.gather(_drop_output(process.stdout), _drop_output(process.stderr))
    rest.add_done_callback(lambda all_: all_.cancelled() or all_.exception())
    try:
        await asyncio.wait({process.exited}, timeout=TERM_SECONDS + ANSWER_SECONDS)
    finally:
        rest.cancel()


async def _drop_output(stream: asyncssh.SSHReader[bytes]) -> None:
    while await stream.read(CHUNK):
        pass
