"""What a transport needs of the step whose command it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Listener(Protocol):
    """A `jobs.run.Step`, or whoever listens for one."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that a command gets on top of the worker's own."""

    def output(self, text: str, stream: str = "out") -> None:
        """Take text that the command wrote (`out` or `err`)."""

    async def drain(self) -> None:
        """Wait while too much of it is still to be logged."""
