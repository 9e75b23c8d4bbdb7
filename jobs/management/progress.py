"""A progress bar for commands: on standard error, and only where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db.models import Sum
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jobs.models import Job


@contextmanager
def progress_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar of `total` units (None: unknown) while the block runs; yield `advance(n)`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as it:
        task = it.add_task(description, total=total)
        yield lambda count: it.advance(task, count)


def count_events(jobs: list[UUID] | None) -> int:
    """Return how many events these jobs have, or all jobs for None."""
    found = Job.objects.all() if jobs is None else Job.objects.filter(pk__in=jobs)
    return int(found.aggregate(total=Sum("head"))["total"] or 0)
