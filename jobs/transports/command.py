"""A command on a target as a step: over its transport; its last line says why it failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jobs.transports import local
from jobs.transports.base import Listener

TRANSPORTS = {"local": local.run}
LONGEST_REASON = 500
_ESCAPES = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")


class CommandFailed(Exception):
    """A command ended with another exit status than 0; the message is the last line it said."""


class _Heard:
    """Passes output on to a step and keeps the last line of each stream."""

    def __init__(self, step: Listener) -> None:
        self._step = step
        self._tail = {"out": "", "err": ""}

    @property
    def env(self) -> Mapping[str, str]:
        return self._step.env

    def output(self, text: str, stream: str = "out") -> None:
        self._tail[stream] = (self._tail[stream] + text)[-4 * LONGEST_REASON :]
        self._step.output(text, stream)

    async def drain(self) -> None:
        await self._step.drain()

    def reason(self) -> str:
        """Return the last line of the error stream, or else of the other one, without colours."""
        for stream in ("err", "out"):
            plain = _ESCAPES.sub("", self._tail[stream]).strip()
            if plain:
                return plain.splitlines()[-1][:LONGEST_REASON]
        return ""


async def command(transport: str, argv: Sequence[str], step: Listener) -> None:
    """Run a command over a transport; CommandFailed where its exit status is not 0."""
    run = TRANSPORTS.get(transport)
    if run is None:
        raise CommandFailed(f"there is no transport {transport!r}")
    heard = _Heard(step)
    status = await run(argv, heard)
    if status:
        raise CommandFailed(heard.reason() or f"exit status {status}")
