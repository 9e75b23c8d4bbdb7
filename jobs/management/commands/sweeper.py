"""`manage.py sweeper`: delivers what nobody runs, fires schedules, sequences the feed."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection

from jobs import checks, consumers, feed, schedules, seals, sweep
from jobs.db import leave_pool

logger = logging.getLogger(__name__)

SEQUENCE_SECONDS = 0.25
SCHEDULES_SECONDS = 1.0
HOUSE_SECONDS = 600.0
STOP_SECONDS = 5.0


@dataclass(slots=True)
class _Chore:
    work: Callable[[], object]
    every: float
    due: float = 0.0


class Command(BaseCommand):
    requires_system_checks = (checks.KINDS, checks.ENGINE)  # the others are about pages, and slow
    help = "Deliver jobs that nobody runs, fire schedules, sequence the feed and run its consumers."

    def handle(self, *_: Any, **__: Any) -> None:
        leave_pool()
        stop = threading.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: stop.set())
        chores = [
            _Chore(sweep.keep_house, HOUSE_SECONDS),
            _Chore(seals.keep, HOUSE_SECONDS),
            _Chore(sweep.sweep, settings.REPRISE.sweep_seconds),
            _Chore(schedules.fire, SCHEDULES_SECONDS),
            _Chore(feed.sequence, SEQUENCE_SECONDS),
        ]
        threads = consumers.serve(stop)
        while not stop.wait(SEQUENCE_SECONDS):
            for chore in chores:
                if chore.due <= time.monotonic():
                    _do(chore)
        for thread in threads:
            thread.join(STOP_SECONDS)


def _do(chore: _Chore) -> None:
    chore.due = time.monotonic() + chore.every
    try:
        chore.work()
    except Error as error:
        logger.warning("%s failed: %s", chore.work.__name__, error, extra={"action": "sweep"})
        connection.close()
