"""A command on a target as a step: over its transport; its last line says why it failed."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from core import tracing
from core.terminal import plain_text
from jobs.secrets.vault import OpenCredential
from jobs.transports import local, ssh
from jobs.transports.base import Listener, Place, Transport, open_credential, waiting_for_place

TRANSPORTS: Mapping[str, Transport] = {"local": local.run_local, "ssh": ssh.run_ssh}
LONGEST_REASON = 500
_TAIL = 4 * LONGEST_REASON


class CommandFailed(Exception):
    """A command ended with another exit status than 0; the message is the last line it said."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Here:
    """A place that is no target: only its transport is known."""

    transport: str
    name: str = "this machine"
    address: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)


class _Heard:
    """Passes output on to a step and keeps the last line of each stream."""

    def __init__(self, step: Listener) -> None:
        self._step = step
        self._tail = {"out": "", "err": ""}

    @property
    def env(self) -> Mapping[str, str]:
        return self._step.env

    def output(self, text: str, stream: str = "out") -> None:
        self._tail[stream] = (self._tail[stream] + text)[-_TAIL:]
        self._step.output(text, stream)

    async def drain(self) -> None:
        await self._step.drain()

    def waiting(self, place: str) -> AbstractAsyncContextManager[None]:
        return waiting_for_place(self._step, place)

    async def open_credential(self, name: str) -> OpenCredential:
        return await open_credential(self._step, name)

    def reason(self) -> str:
        """Return the last line of the error stream, or else of the other one, as it is shown."""
        for stream in ("err", "out"):
            lines = plain_text(_from_a_line_on(self._tail[stream])).strip().split("\n")
            if lines[-1]:
                return lines[-1].strip()[:LONGEST_REASON]
        return ""


def _from_a_line_on(tail: str) -> str:
    """Return the tail of a text without the line, or the picture of one, that it begins within."""
    if len(tail) < _TAIL:
        return tail
    _, _, rest = tail.partition("\n")
    return rest if rest.strip() else tail.partition("\r")[2] or tail


async def command(
    target: Place | str,
    argv: Sequence[str],
    step: Listener,
    *,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command on a target, or on this machine (`"local"`), with `env` in its environment.

    Raises CommandFailed if its exit status is not 0, or where there is no such transport, and a
    `jobs.transports.errors.TransportError` where it could not be run or its end is not known.
    """
    place = _Here(target) if isinstance(target, str) else target
    run = TRANSPORTS.get(place.transport)
    if run is None:
        raise CommandFailed(f"there is no transport {place.transport!r}")
    heard = _Heard(step)
    with tracing.span("command") as span:
        span.note(transport=place.transport, target=place.name)
        status = await run(argv, heard, target=place, env={**span.environment, **(env or {})})
        span.note(exit_status=status)
    if status:
        raise CommandFailed(heard.reason() or status_words(status), status)


def status_words(status: int) -> str:
    """Return "exit status 3", or "exit status 137, killed by SIGKILL", as a shell numbers these."""
    signals = {128 + one: one.name for one in signal.Signals}
    killed = f", killed by {signals[status]}" if status in signals else ""
    return f"exit status {status}{killed}"
