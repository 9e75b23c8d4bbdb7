"""`manage.py worker`: runs jobs until SIGTERM or SIGINT, then hands over what still runs."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import checks
from jobs.secrets.logs import MaskedText
from jobs.worker import Worker


class Command(BaseCommand):
    # The other checks read every address and view, a third of the time that a start takes; a worker
    # has no pages, and after a crash runs wait for its successor.
    requires_system_checks = (checks.KINDS, checks.ENGINE)
    help = "Run jobs until SIGTERM or SIGINT, then hand over what still runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--runs", type=int, help="how many jobs at a time")

    def handle(self, *_: Any, **options: Any) -> None:
        with (
            closing(MaskedText(sys.stdout)) as out,
            closing(MaskedText(sys.stderr)) as err,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            asyncio.run(_serve(options["runs"]))


async def _serve(runs: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await Worker(runs).serve(stop)
