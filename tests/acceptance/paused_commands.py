"""Pauses a run by stopping its commands with SIGSTOP."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.acceptance.process_search import with_environment
from tests.acceptance.up import Up

QUIET_SECONDS = 1.0


@contextmanager
def commands_paused(up: Up, job: str) -> Iterator[int]:
    """Stop every command of a job where it stands; the value is the seq at which that ended.

    Nothing is appended while the context lasts. Afterwards they go on.
    """
    stopped: set[int] = set()
    try:
        head, quiet_since = up.rows.head(job), time.monotonic()
        while time.monotonic() - quiet_since < QUIET_SECONDS:
            for pid in with_environment(REPRISE_JOB=job).keys() - stopped:
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(pid, signal.SIGSTOP)
                    stopped.add(pid)
            now = up.rows.head(job)
            if now != head:
                head, quiet_since = now, time.monotonic()
        yield head
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
