"""Consumers of the feed of all jobs: each with a name and a checkpoint, at least once, in order.

A handler gets the events after its consumer's checkpoint, a batch at a time, in the feed's order.
One that writes to the database does so in the transaction that moves the checkpoint, so that what
it makes of the events is there once. One with effects elsewhere (`outside`) gets them singly and
outside of any transaction, since an open one holds the feed itself back; after a crash it may get
the last one again.

One process at a time runs a consumer: its row is locked, or leased where no transaction is open.
One that fails keeps its checkpoint and is tried again later and later; the others go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils.module_loading import import_string

from core.errors import NotFound
from jobs import feed, snapshots, webhooks
from jobs.db import leave_pool
from jobs.feed import FeedEvent, FeedPage
from jobs.state import state_at

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
LONGEST_BACKOFF_SECONDS = 300
LONGEST_ERROR = 500
PAUSE_SECONDS = 0.25
LOST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Consumer:
    """A named reader of the feed.

    With `types` it gets events of these only, with `every` only those whose seq is a multiple of
    it. A batch covers `batch` positions. A new one starts with the feed's first event, or with
    `from_now` with what comes next.
    """

    name: str
    handle: Callable[[Sequence[FeedEvent]], None]
    types: frozenset[str] | None = None
    every: int = 1
    batch: int = feed.PAGE_EVENTS
    outside: bool = False
    from_now: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a consumer is: `lag` in events; `failures` in a row, and why, until when it waits."""

    name: str
    position: int
    lag: int
    failures: int
    error: str
    retry_at: datetime | None


def all_consumers() -> list[Consumer]:
    """Return every consumer: the built-in ones, then those that REPRISE_CONSUMERS names."""
    config = settings.REPRISE
    found = [Consumer("snapshots", _keep_snapshots, every=snapshots.EVERY, batch=10_000)]
    if config.webhook_url:
        types = webhooks.TYPES
        found.append(Consumer("webhooks", webhooks.handle, types, outside=True, from_now=True))
    return [*found, *(import_string(path) for path in config.consumers)]


def _keep_snapshots(events: Sequence[FeedEvent]) -> None:
    """Make the snapshots that jobs have passed: folding past a place makes its snapshot."""
    for job, seq in {event.job: event.seq for event in events}.items():
        state_at(job, seq)


_ENROL = """
insert into jobs_consumer (name, position, failures, error, updated_at)
select %s, case when %s then position else 0 end, 0, '', clock_timestamp() from jobs_feed_state
on conflict do nothing
"""

_DUE = """
select c.position < state.position
   and coalesce(c.retry_at <= clock_timestamp(), true)
   and coalesce(c.busy_until <= clock_timestamp(), true)
from jobs_consumer c, jobs_feed_state state where c.name = %s
"""

_LOCK = "select position from jobs_consumer where name = %s for no key update skip locked"

_LEASE = """
update jobs_consumer set busy_until = clock_timestamp() + %s * interval '1 second'
where name = %s and coalesce(busy_until <= clock_timestamp(), true)
returning position
"""

# Only from the position that was read: a consumer that was reset meanwhile, or whose lease ran out,
# does not move.
_MOVE = """
update jobs_consumer
set position = %(to)s, failures = 0, retry_at = null, error = '', updated_at = clock_timestamp(),
    busy_until = clock_timestamp() + %(lease)s * interval '1 second'
where name = %(name)s and position = %(from)s
"""

_FAILED = """
update jobs_consumer set failures = failures + 1, error = %s, busy_until = null,
  retry_at = clock_timestamp() + least(power(2, least(failures, 20)), %s) * interval '1 second'
where name = %s
returning failures
"""

_RESET = """
update jobs_consumer
set position = case when %s then (select position from jobs_feed_state) else 0 end,
    failures = 0, retry_at = null, error = '', busy_until = null
where name = %s
returning position
"""

_STANDINGS = """
select c.name, c.position, state.position - c.position, c.failures, c.error, c.retry_at
from jobs_consumer c, jobs_feed_state state order by c.name
"""


def run_once(consumer: Consumer) -> int:
    """Hand a consumer its next batch; return how many positions it has moved.

    0 where nothing is due, another process runs it, or the handler failed, which is logged and
    puts the next try off. Raises DatabaseError where the database is away.
    """
    if not _is_due(consumer):
        return 0
    try:
        return _run_outside(consumer) if consumer.outside else _run_inside(consumer)
    except Exception as error:
        # The loop's edge: whatever a handler raises is its own trouble, not the other consumers'.
        failures = _failed(consumer, error)
        where = {"action": "consume", "consumer": consumer.name}
        logger.exception("consumer %s failed (%d in a row)", consumer.name, failures, extra=where)
        return 0


def reset(name: str, *, to_end: bool = False) -> int:
    """Put a consumer's checkpoint to the feed's start, or to its end; return the position.

    Raises NotFound for a name that no consumer has had.
    """
    rows = _all(_RESET, [to_end, name])
    if not rows:
        raise NotFound(f"There is no consumer {name}.")
    return int(rows[0][0])


def standings() -> list[Standing]:
    """Return how far every consumer is that has ever run here."""
    return [Standing(*row) for row in _all(_STANDINGS, [])]


def serve(stop: threading.Event) -> list[threading.Thread]:
    """Run every consumer in a thread of its own until `stop`; return the threads."""
    threads = [
        threading.Thread(
            target=_serve, args=(consumer, stop), name=f"consumer-{consumer.name}", daemon=True
        )
        for consumer in all_consumers()
    ]
    for thread in threads:
        thread.start()
    return threads


def _serve(consumer: Consumer, stop: threading.Event) -> None:
    leave_pool()
    pause = 0.0
    while not stop.wait(pause):
        try:
            pause = 0 if run_once(consumer) else PAUSE_SECONDS
        except Error as error:
            logger.warning("consumer %s waits: %s", consumer.name, error)
            pause = LOST_SECONDS
            connection.close()
    connection.close()


def _is_due(consumer: Consumer) -> bool:
    rows = _all(_DUE, [consumer.name])
    if not rows:
        with connection.cursor() as cursor:
            cursor.execute(_ENROL, [consumer.name, consumer.from_now])
        rows = _all(_DUE, [consumer.name])
    return bool(rows and rows[0][0])


def _run_inside(consumer: Consumer) -> int:
    with transaction.atomic():
        rows = _all(_LOCK, [consumer.name])
        if not rows:
            return 0
        page = _page(consumer, rows[0][0])
        if page.events:
            consumer.handle(page.events)
        _move(consumer, page.after, page.last, lease=0)
    return page.last - page.after


def _run_outside(consumer: Consumer) -> int:
    rows = _all(_LEASE, [LEASE_SECONDS, consumer.name])
    if not rows:
        return 0
    page = _page(consumer, rows[0][0])
    at = page.after
    for event in page.events:
        consumer.handle([event])
        if not _move(consumer, at, event.position, lease=LEASE_SECONDS):
            return 0  # reset meanwhile, or somebody else's by now
        at = event.position
    _move(consumer, at, page.last, lease=0)
    return page.last - page.after


def _page(consumer: Consumer, position: int) -> FeedPage:
    return feed.read_feed(position, consumer.batch, types=consumer.types, every=consumer.every)


def _move(consumer: Consumer, start: int, end: int, *, lease: float) -> bool:
    values: dict[str, Any] = {"name": consumer.name, "from": start, "to": end, "lease": lease}
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
        return int(cursor.rowcount) > 0


def _failed(consumer: Consumer, error: Exception) -> int:
    said = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    rows = _all(_FAILED, [said, LONGEST_BACKOFF_SECONDS, consumer.name])
    return int(rows[0][0]) if rows else 0


def _all(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
