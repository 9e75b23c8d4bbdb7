"""Worker processes, ours and bare ones; jobs for ours."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from jobs import commands
from jobs.access import visibility

ROOT = Path(__file__).resolve().parents[3]
OURS = ("manage.py", "worker")
BARE = ("-m", "tests.benchmarks.bare_queue")


@dataclass(slots=True)
class Spent:
    """The processes, and what they took, known once they are gone: seconds of CPU."""

    pids: list[int]
    cpu: float = 0.0


@contextmanager
def running(command: tuple[str, ...], count: int, **env: str) -> Iterator[Spent]:
    """Run so many of a command; end them by SIGTERM."""
    before = _cpu()
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT, env=os.environ | env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]  # fmt: skip
    spent = Spent([process.pid for process in processes])
    try:
        yield spent
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        spent.cpu = _cpu() - before


def submit(kind: str, count: int, params: dict[str, Any] | None = None) -> list[UUID]:
    """Submit so many jobs of a kind, each in a transaction of its own, as the API does."""
    user, _made = User.objects.get_or_create(username="bench", is_staff=True)
    who = visibility.of_user(user)
    return [commands.submit(who, kind, params or {})[0].pk for _ in range(count)]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
