"""The port of every transport: what it is asked for, and what it needs of the step that asks."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

CHUNK = 32 * 1024
# How long what runs on a target has to end by itself when told to.
TERM_SECONDS = 2.0


class Listener(Protocol):
    """A `jobs.run.Step`, or whoever listens for one."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that a command gets: `REPRISE_JOB`, `REPRISE_FENCE` and so on."""

    def output(self, text: str, stream: str = "out") -> None:
        """Take text that the command wrote (`out` or `err`)."""

    async def drain(self) -> None:
        """Wait while too much of it is still to be logged."""


class Place(Protocol):
    """Where a command runs: a `jobs.models.Target`, or what a kind has kept of one."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def transport(self) -> str:
        """The name of the transport that reaches it."""

    @property
    def address(self) -> str:
        """Where it is, in the transport's own form."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """What else its transport (and its kind of work) needs to know."""


class Transport(Protocol):
    """Runs one command on one target."""

    async def __call__(
        self,
        argv: Sequence[str],
        step: Listener,
        *,
        target: Place,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> int:
        """Run a command, stream its output to the step, return its exit status.

        The command gets the step's environment and `env`, nothing on its standard input, and a
        process group of its own; a signal that ends it makes the status 128 and its number, as a
        shell says it. The group is ended (TERM, then KILL) when the caller is cancelled, after
        `timeout` seconds (TimeoutError), with the command itself, and when the worker dies.
        Raises a `jobs.transports.errors.TransportError` where the command cannot be run, or where
        nobody knows how it ended.
        """


class Reader(Protocol):
    """The reading end of a command's output."""

    async def read(self, n: int, /) -> bytes:
        """Return up to `n` bytes as soon as there are any; none at the end."""


async def copy(stream: Reader | None, step: Listener, name: str) -> None:
    """Hand on what a command writes until it ends; what is no UTF-8 becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while stream and (data := await stream.read(CHUNK)):
        if text := decoder.decode(data):
            step.output(text, name)
        await step.drain()
    if rest := decoder.decode(b"", final=True):
        step.output(rest, name)


async def settled(work: Awaitable[object], seconds: float) -> bool:
    """Wait for something, so many seconds at most; return whether it has ended. Raises what it did.

    For a task that is being cancelled and cleans up: there asyncio.timeout ends in another
    cancellation before Python 3.11.3 (https://github.com/python/cpython/issues/102780), and
    asyncio.wait_for may overlook one.
    """
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.wait({doing}, timeout=seconds)
        if doing.done():
            doing.result()
        return doing.done()
    finally:
        doing.cancel()
