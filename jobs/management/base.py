"""The base of the service's commands, and the types of their arguments.

What is refused is said in a sentence.
"""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from core.clock import OutOfRange, read_moment
from core.errors import RepriseError
from core.ids import parse_id
from core.terminal import reveal
from jobs import checks
from jobs.queue import maintenance

STOP_SECONDS = 5.0


class ServiceCommand(BaseCommand):
    """A command that starts although a job kind is broken; `manage.py check` reports the kind.

    The other checks read every address and view, a third of the time that a start takes; these
    commands have no pages, and after a crash runs wait for a worker's successor.
    """

    requires_system_checks: tuple[str, ...] = (checks.ENGINE,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stdout.style_func = reveal  # on a terminal; what a program reads stays exact

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; CommandError with its sentence for an error of the domain."""
        try:
            return super().execute(*args, **options)
        except RepriseError as error:
            raise CommandError(error.message) from error


def serve_duties(
    groups: Sequence[Sequence[maintenance.Duty]],
    stop: threading.Event | None = None,
    more: Callable[[], Sequence[threading.Thread]] = list,
) -> None:
    """Do duties, those of a group in one thread, and run `more` threads until SIGTERM or SIGINT.

    `stop` is what ends the other threads.
    """
    stop = stop or threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    threads = [*maintenance.start_duties(groups, stop), *more()]
    stop.wait()
    end = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def job_argument(text: str) -> UUID:
    """Return the id of a job that somebody wrote."""
    try:
        return parse_id(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def moment_argument(text: str) -> datetime:
    """Return the moment that somebody wrote: UTC unless it says otherwise."""
    try:
        return read_moment(text)
    except OutOfRange as error:
        raise ArgumentTypeError(str(error)) from error
    except ValueError as error:
        raise ArgumentTypeError(f"{error} Write a date, or 2026-11-22T09:00:00Z.") from error
