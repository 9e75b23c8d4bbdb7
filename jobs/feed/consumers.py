"""Consumers of the feed of all jobs: each with a name and a checkpoint, at least once, in order.

A handler gets the events after its consumer's checkpoint, a batch at a time, in the feed's order.
One that writes to the database does so in the transaction that moves the checkpoint, so that what
it makes of the events is there once. One with effects elsewhere (`outside`) gets them singly and
outside of any transaction, since an open one holds the feed itself back; after a crash it may get
the last one again.

One process at a time runs a consumer: its row is locked, or leased where no transaction is open.
One that fails keeps its checkpoint and is tried again later and later; the others go on. One whose
handler does not return fails too: `jobs.feed.consumer_threads` runs them and watches for that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from core.errors import NotFound
from core.user_code import describe_error
from jobs import feed
from jobs.events import parse
from jobs.feed import FeedEvent, FeedPage, LeftOut, webhooks
from jobs.log import snapshots, step_runs
from jobs.log.sql import change_rows, fetch_rows
from jobs.log.state import state_at

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
LONGEST_BACKOFF_SECONDS = 300
LONGEST_NAME = 100
NOTICES = "jobs.notices.gather.CONSUMER"  # of a higher layer, which reads the feed as others do


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
    """How far a consumer is: `lag` in events; `failures` in a row, and why, until when it waits.

    `left_out` counts the events that its handler has given up.
    """

    name: str
    position: int
    lag: int
    failures: int
    error: str
    retry_at: datetime | None
    enabled: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class Found:
    """The consumers, and why an entry of REPRISE_CONSUMERS cannot be used, by its path."""

    consumers: list[Consumer] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)


def find_consumers() -> Found:
    """Return every consumer: the built-in ones, then those that REPRISE_CONSUMERS names."""
    config = settings.REPRISE
    found = Found([
        Consumer("snapshots", _keep_snapshots, every=snapshots.EVERY, batch=10_000),
        Consumer(step_runs.CONSUMER, _keep_step_runs, step_runs.TYPES),
    ])  # fmt: skip
    found.consumers.append(import_string(NOTICES))
    if config.webhook_url:
        types = webhooks.TYPES
        hooks = Consumer("webhooks", webhooks.handle_events, types, outside=True, from_now=True)
        found.consumers.append(hooks)
    for path in config.consumers:
        try:
            consumer = import_string(path)
        except BaseException as error:  # noqa: BLE001 - somebody else's module
            found.broken[path] = describe_error(error)
            continue
        if not isinstance(consumer, Consumer):
            found.broken[path] = f"{consumer!r} is no jobs.feed.consumers.Consumer"
        elif consumer.name in {one.name for one in found.consumers}:
            found.broken[path] = f"its name {consumer.name!r} is taken"
        else:
            found.consumers.append(consumer)
    return found


def _keep_snapshots(events: Sequence[FeedEvent]) -> None:
    """Make the snapshots that jobs have passed: folding past a place makes its snapshot."""
    for job, seq in {event.job: event.seq for event in events}.items():
        state_at(job, seq)


def _keep_step_runs(events: Sequence[FeedEvent]) -> None:
    """Keep the rows of steps that have moved."""
    step_runs.fold_events((event.job, parse(event.text)) for event in events)


_ENROL = """
insert into jobs_consumer (name, position, failures, error, updated_at)
select %s, case when %s then position else 0 end, 0, '', clock_timestamp() from jobs_feed_state
on conflict do nothing
"""

_DUE = """
select c.position < state.position and c.enabled
   and coalesce(c.retry_at <= clock_timestamp(), true)
   and coalesce(c.busy_until <= clock_timestamp(), true)
from jobs_consumer c, jobs_feed_state state where c.name = %s
"""

# Not the row's lock, which would be a write, and hold the feed back before the handler writes.
_LOCK = """
select position from jobs_consumer where name = %(name)s
  and pg_try_advisory_xact_lock(hashtextextended('consumer ' || %(name)s, 0))
"""

# What the handler begins to write holds the feed back: as long as ops/postgres/roles.sql has it.
_LIMIT = """
select set_config('idle_in_transaction_session_timeout', '15s', true),
       set_config(case when current_setting('server_version_num')::int >= 170000
                       then 'transaction_timeout' else 'statement_timeout' end, '60s', true)
"""

_LEASE = """
update jobs_consumer set busy_until = clock_timestamp() + %s * interval '1 second'
where name = %s and coalesce(busy_until <= clock_timestamp(), true)
returning position
"""

# Only from the position that was read: a consumer that was reset meanwhile, or whose lease ran out,
# does not move.
_MOVE = """
update jobs_consumer
set position = %(to)s, failures = 0, retry_at = null, updated_at = clock_timestamp(),
    error = case when %(left_out)s <> '' then %(left_out)s when failures > 0 then '' else error end,
    left_out = left_out + case when %(left_out)s <> '' then 1 else 0 end,
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

_SWITCH = "update jobs_consumer set enabled = %s, retry_at = null where name = any(%s)"

# Before the feed's first position: so no reader of the feed is confused with it.
_BROKEN = """
insert into jobs_consumer (name, position, failures, error, updated_at)
values (%(name)s, -1, 1, %(error)s, clock_timestamp())
on conflict (name) do update set failures = 1, error = excluded.error
"""

_STANDINGS = """
select c.name, c.position, state.position - c.position, c.failures, c.error, c.retry_at,
       c.enabled, c.left_out
from jobs_consumer c, jobs_feed_state state order by c.name
"""


def run_once(consumer: Consumer) -> int:
    """Hand a consumer its next batch; return how many positions it has moved.

    0 if nothing is due, another process runs it, or the handler failed, which is logged and
    puts the next try off. Raises DatabaseError if the database is away.
    """
    if not _is_due(consumer):
        return 0
    try:
        return _run_outside(consumer) if consumer.outside else _run_inside(consumer)
    except BaseException as error:
        # The loop's edge: whatever a handler raises is its own trouble, not the other consumers'.
        if not connection.is_usable():
            connection.close()  # a handler that took too long has none any more
        failures = note_failure(consumer.name, describe_error(error))
        where = {"action": "consume", "consumer": consumer.name}
        logger.exception("consumer %s failed (%d in a row)", consumer.name, failures, extra=where)
        return 0


def note_failure(name: str, why: str) -> int:
    """Note that a consumer has failed, which puts its next try off; return how often in a row."""
    rows = fetch_rows(_FAILED, [why, LONGEST_BACKOFF_SECONDS, name])
    return int(rows[0][0]) if rows else 0


def set_enabled(names: Collection[str], *, on: bool) -> None:
    """Enable or disable consumers, which keep their places. NotFound for an unknown name."""
    if change_rows(_SWITCH, [on, list(names)]) < len(set(names)):
        raise NotFound(f"There is no consumer {', '.join(names)}.")


def forget_consumer(name: str) -> None:
    """Forget a consumer that is run no more. NotFound for an unknown name."""
    if not change_rows("delete from jobs_consumer where name = %s", [name]):
        raise NotFound(f"There is no consumer {name}.")


def note_broken(found: Found) -> None:
    """Keep a row for each path that cannot be used, under that path, and drop it when it can."""
    for path in settings.REPRISE.consumers:
        name = path[:LONGEST_NAME]
        if path not in found.broken:
            change_rows("delete from jobs_consumer where name = %s and position < 0", [name])
            continue
        logger.error("consumer %s left out: %s", path, found.broken[path])
        change_rows(_BROKEN, {"name": name, "error": f"It cannot be used: {found.broken[path]}"})


def reset_checkpoint(name: str, *, to_end: bool = False) -> int:
    """Put a consumer's checkpoint to the feed's start, or to its end; return the position.

    Raises NotFound for a name that no consumer has had.
    """
    rows = fetch_rows(_RESET, [to_end, name])
    if not rows:
        raise NotFound(f"There is no consumer {name}.")
    return int(rows[0][0])


def consumer_status() -> list[Standing]:
    """Return how far every consumer is that has ever run here."""
    return [Standing(*row) for row in fetch_rows(_STANDINGS)]


def _is_due(consumer: Consumer) -> bool:
    rows = fetch_rows(_DUE, [consumer.name])
    if not rows:
        change_rows(_ENROL, [consumer.name, consumer.from_now])
        rows = fetch_rows(_DUE, [consumer.name])
    return bool(rows and rows[0][0])


def _run_inside(consumer: Consumer) -> int:
    with transaction.atomic():
        rows = fetch_rows(_LOCK, {"name": consumer.name})
        if not rows:
            return 0
        fetch_rows(_LIMIT)
        page = _next_page(consumer, rows[0][0])
        if page.events:
            consumer.handle(page.events)
        if not _move_checkpoint(consumer, page.after, page.last, lease=0):
            transaction.set_rollback(True)  # reset meanwhile
            return 0
    return page.last - page.after


def _run_outside(consumer: Consumer) -> int:
    rows = fetch_rows(_LEASE, [LEASE_SECONDS, consumer.name])
    if not rows:
        return 0
    page = _next_page(consumer, rows[0][0])
    at = page.after
    for event in page.events:
        left_out = _handle_one(consumer, event)
        if not _move_checkpoint(
            consumer, at, event.position, lease=LEASE_SECONDS, left_out=left_out
        ):
            return 0  # reset meanwhile, or somebody else's by now
        at = event.position
    _move_checkpoint(consumer, at, page.last, lease=0)
    return page.last - page.after


def _handle_one(consumer: Consumer, event: FeedEvent) -> str:
    """Hand a consumer one event; return why it has given it up, "" where it has not."""
    try:
        consumer.handle([event])
    except LeftOut as reason:
        where = {"action": "consume", "consumer": consumer.name}
        logger.warning("consumer %s: %s", consumer.name, reason.message, extra=where)
        return describe_error(reason)
    return ""


def _next_page(consumer: Consumer, position: int) -> FeedPage:
    return feed.read_feed(position, consumer.batch, types=consumer.types, every=consumer.every)


def _move_checkpoint(
    consumer: Consumer, start: int, end: int, *, lease: float, left_out: str = ""
) -> bool:
    values: dict[str, Any] = {
        "name": consumer.name, "from": start, "to": end, "lease": lease, "left_out": left_out,
    }  # fmt: skip
    return change_rows(_MOVE, values) > 0
