"""The spans of an attempt: what the job waited before it, and the attempt itself.

Both are children of the submission, whose `traceparent` its first event has; nothing is read where
nothing is traced.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from django.db import Error

from core import clock, tracing
from core.db import in_thread
from core.errors import RepriseError
from core.tracing import Span
from jobs import log
from jobs.events import Event, parse
from jobs.queue.leases import Lease

logger = logging.getLogger(__name__)


@asynccontextmanager
async def attempt_span(lease: Lease) -> AsyncIterator[Span]:
    """Have a span around an attempt, and one before it for the wait."""
    if not tracing.is_on():
        yield Span()
        return
    parent, due = await in_thread(_read_origin, lease)
    tracing.record_span("queue", parent, due, clock.parse(lease.at))
    with tracing.span(f"run {lease.kind}", parent, tracing.CONSUMER) as span:
        span.note(job=str(lease.job), kind=lease.kind, attempt=lease.attempt)
        yield span


def _read_origin(lease: Lease) -> tuple[str, datetime]:
    """Return the submission's `traceparent`, and since when the job could have been taken."""
    began = clock.parse(lease.at)
    try:
        first = parse(log.read(lease.job, 0, 1).texts[0])
        before = parse(log.read(lease.job, max(0, lease.opened.last - 2), 1).texts[0])
    except (Error, RepriseError, IndexError) as error:
        where = {"action": "trace", "job": lease.job}
        logger.warning("job %s: its trace cannot be read: %r", lease.job, error, extra=where)
        return "", began
    return str(first.data.get("traceparent", "")), min(began, _due_at(before))


def _due_at(before: Event) -> datetime:
    """Return when the job was free to be taken: as the event says, or at that event."""
    waits = before.data.get("waits") or [{}]
    moments = [clock.parse(one["until"]) for one in waits if one.get("until")]
    return max([clock.parse(before.at), *moments[:1]])
