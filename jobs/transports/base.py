"""The port of every transport: what it is asked for, and what it needs of the step that asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Protocol

from jobs.secrets.vault import OpenCredential
from jobs.transports.errors import TargetUnusable

CREDENTIAL = "credential"
# How long what runs on a target has to end by itself when told to.
TERM_SECONDS = 2.0


class Listener(Protocol):
    """A `jobs.run.Step`, or a listener for one."""

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

        The words arrive as they are, and reach no shell. The command gets the step's environment
        and `env`, whose values no list of processes shows, nothing on its standard input, and a
        process group of its own; a signal that ends it makes the status 128 and its number, as a
        shell says it. The group is ended (TERM, then KILL) when the caller is cancelled, after
        `timeout` seconds (TimeoutError), and when the worker dies; what is left of it when the
        command has exited is ended shortly after (KILL). What has left the group goes on, unheard,
        unless the command was isolated. A command that is not there, or may not be run, has the
        status of a shell for that, 127 or 126, with the words on its error stream.
        Raises a `jobs.transports.errors.TransportError` where the command cannot be run, or where
        nobody knows how it ended.
        """


async def open_credential(step: Listener, name: str) -> OpenCredential:
    """Return a credential that a target names, if the step's job may use it.

    Raises TargetUnusable where the listener is no step, and what opening it raises.
    """
    own = getattr(step, "open_credential", None)  # not every listener is a step
    if own is None:
        raise TargetUnusable(f"Only a step of a job can use the credential {name}.")
    opened: OpenCredential = await own(name)
    return opened


def waiting_for_place(step: Listener, place: str) -> AbstractAsyncContextManager[None]:
    """Return what to wait in for a place on a host: a step's time limit stands still meanwhile."""
    own = getattr(step, "waiting", None)  # not every listener is a step
    return own(place) if own else nullcontext()
