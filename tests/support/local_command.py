"""A process that runs local commands, as a worker does: `-m tests.support.local_command JSON`.

The JSON is a list of lists of words. It prints what became of each, as a list of JSON:
{"status", "out", "err"}, or {"refused"} and why.
"""

from __future__ import annotations

import asyncio
import json
import sys

import django

from jobs.transports import local
from jobs.transports.errors import LocalRefused


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.env: dict[str, str] = {"REPRISE_JOB": "a-job"}
        self.text = {"out": "", "err": ""}

    def output(self, text: str, stream: str = "out") -> None:
        """Keep it."""
        self.text[stream] += text

    async def drain(self) -> None:
        """Nothing is to be waited for."""


async def outcome(argv: list[str]) -> dict[str, object]:
    """Run a command; return what became of it."""
    heard = Heard()
    try:
        status = await local.run_local(argv, heard)
    except LocalRefused as error:
        return {"refused": error.message}
    return {"status": status, **heard.text}


async def main() -> None:
    """Run the commands, one after the other."""
    django.setup()
    print(json.dumps([await outcome(argv) for argv in json.loads(sys.argv[1])]))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
