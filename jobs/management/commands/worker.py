"""`manage.py worker`: runs jobs until SIGTERM or SIGINT, then hands over what still runs."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import closing, redirect_stderr, redirect_stdout
from functools import partial
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from jobs.kinds import registry
from jobs.management.base import ServiceCommand
from jobs.secrets.logs import MaskedText
from jobs.worker import event_loop
from jobs.worker.isolation import IsolatedWorkers
from jobs.worker.worker import Worker

STDIN = 0


class Command(ServiceCommand):
    help = "Run jobs until SIGTERM or SIGINT, then hand over what still runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--runs", type=int, help="how many jobs at a time")
        parser.add_argument("--job", type=UUID, help=argparse.SUPPRESS)  # see jobs.worker.isolation

    def handle(self, *_: Any, **options: Any) -> None:
        with (
            closing(MaskedText(sys.stdout)) as out,
            closing(MaskedText(sys.stderr)) as err,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            registry.all_kinds()  # imported before there is a loop; what is broken is logged here
            event_loop.run_loop(
                partial(_serve_until_signal, runs=options["runs"], job=options["job"])
            )


def _serve_until_signal(
    loop: asyncio.AbstractEventLoop, runs: int | None, job: UUID | None
) -> Coroutine[Any, Any, None]:
    """Handle signals from here on; return what is to be run."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    if job is None:
        return _serve_all(runs, stop)

    def orphaned() -> None:
        loop.remove_reader(STDIN)
        stop.set()

    loop.add_reader(STDIN, orphaned)  # a pipe from the worker that this one is beside
    return _serve_one(job, stop)


async def _serve_all(runs: int | None, stop: asyncio.Event) -> None:
    await Worker(runs, IsolatedWorkers()).serve(stop)


async def _serve_one(job: UUID, stop: asyncio.Event) -> None:
    await Worker(1).serve_one(job, stop)
