"""The one door in: lock the job row, check, fold, insert, update the row; then a hint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from core.errors import BadRequest, EventTooLarge, NotFound, NotNow, RepriseError
from jobs.events import (
    REPLACEMENT,
    Event,
    NewEvent,
    first_hash,
    make_body,
    next_hash,
    parse_stored,
    with_hash,
)
from jobs.events.fold import Summary, advance_summary, attempt_of
from jobs.events.upcasters import version_of
from jobs.log import hints, sql
from jobs.log.transaction import AppendTransaction
from jobs.log.types import Appended, Cursor, LeaseLost

MAX_BATCH_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Append:
    """One producer's wish: `events` of one job, all or none of them.

    With `fence`, only while that lease holds; with `expected_seq`, only on that head; with
    `statuses`, only where the job's status is one of these; with `append_id` (unique per job),
    stored once however often it is tried; with `follows`, only where the log has that event, which
    its producer was told is stored. `exact_time`: dated by the database when it is stored,
    and not by what a writer knows of its clock, which may be some milliseconds behind.
    """

    job: UUID
    events: Sequence[NewEvent]
    actor: str
    fence: int | None = None
    expected_seq: int | None = None
    append_id: UUID | None = None
    statuses: frozenset[str] | None = None
    exact_time: bool = False
    follows: Cursor | None = None


def append(
    job_id: UUID,
    events: Sequence[NewEvent],
    *,
    actor: str,
    fence: int | None = None,
    expected_seq: int | None = None,
    append_id: UUID | None = None,
) -> Appended:
    """Append events to one job in one transaction and return the receipt.

    Raises NotFound, LeaseLost (another fence), NotNow (an illegal move, or not the expected head),
    EventTooLarge, BadRequest (not JSON). Nothing is stored then.
    """
    [result] = append_many([Append(job_id, events, actor, fence, expected_seq, append_id)])
    if not isinstance(result, Appended):
        raise result or NotNow
    return result


def append_many(
    wishes: Sequence[Append], *, skip_locked: bool = False
) -> list[Appended | RepriseError | None]:
    """Append several wishes in one transaction; a bad one fails alone, its neighbours commit.

    Returns, in the wishes' order, the receipt or the error; None if the row is locked by
    somebody else and `skip_locked` says not to wait. Must run inside a transaction when it is to
    share it; makes its own otherwise, in two round trips: lock and look, write and commit.
    """
    with AppendTransaction() as passage:
        rows, now, known = _lock_and_look(passage, wishes, skip_locked)
        batch = _Batch(rows, now)
        stored: dict[Any, Appended | RepriseError] = {
            (wish.job, wish.append_id): _stored_receipt(
                passage.cursor, wish, first, rows.get(wish.job)
            )
            for wish in wishes
            if (first := known.get((wish.job, wish.append_id))) is not None
        }
        stored |= _gone_back(passage.cursor, wishes, rows, stored)
        results: list[Appended | RepriseError | None] = []
        for place, wish in enumerate(wishes):
            key = (wish.job, wish.append_id or place)
            if key not in stored and wish.job in rows:
                stored[key] = batch.add(wish)
            results.append(stored.get(key) or (None if skip_locked else NotFound()))
        batch.write(passage)
    return results


def next_events(
    job: UUID, summary: Summary, events: Iterable[NewEvent], actor: str, at: str
) -> Iterator[tuple[Event, str, Summary]]:
    """Yield what appending makes of events after a job's row: each, its text, the row after it.

    Raises NotNow (an illegal move), EventTooLarge, BadRequest (not JSON).
    """
    previous = bytes.fromhex(summary.head_hash) if summary.head else first_hash(job)
    size = 0
    for new in events:
        facts = (
            summary.head + 1, new.type.value, version_of(new.type), at, actor,
            attempt_of(summary, new.type), new.step, new.target, new.data,
        )  # fmt: skip
        body, raw = make_body(Event(*facts))
        size += len(raw)
        if size > MAX_BATCH_BYTES:
            raise EventTooLarge("The events of one append are at most 10 MiB together.")
        previous = next_hash(previous, raw)
        text = with_hash(body, previous)
        # The row and the columns keep what was stored, not what the door has replaced.
        replaced = REPLACEMENT in body
        event = parse_stored(text) if replaced else Event(*facts, previous.hex())
        summary = advance_summary(summary, event)
        yield event, text, summary


def append_to_known(
    wishes: Sequence[Append], known: Mapping[UUID, tuple[int, Summary]], now: str
) -> list[Appended | None]:
    """Append to rows that are taken to be as `known` (job: fence and row), in one round trip.

    Must not run in a transaction; each `append_id` must be new. Events are dated `now`. Returns the
    receipts; None for a wish of which nothing is stored: its row is another by now, or locked by
    somebody else. Where any wish would be refused, nothing is stored at all. `append_many` knows.
    """
    batch = _Batch({job: _Row(row, fence) for job, (fence, row) in known.items()}, now)
    if not all(isinstance(batch.add(wish), Appended) for wish in wishes):
        return [None for _ in wishes]
    before = [(job, fence, row.head, row.head_hash) for job, (fence, row) in known.items()]
    with AppendTransaction() as passage:
        held = dict(batch.go_on(passage, before))
    stored = [
        replace(receipt, moment=held[receipt.job]) if receipt.job in held else None
        for receipt in batch.receipts
    ]
    hints.publish_hints([receipt for receipt in stored if receipt])
    return stored


@dataclass(slots=True)
class _Row:
    """A locked row; `changed` once more of it than the head has moved."""

    summary: Summary
    fence: int
    changed: bool = False


class _Batch:
    """What one transaction adds: folded rows, new events, and the hints that follow the commit."""

    def __init__(self, rows: dict[UUID, _Row], now: str) -> None:
        self.rows = rows
        self.now = now
        self.events: list[tuple[Any, ...]] = []
        self.receipts: list[Appended] = []

    def add(self, wish: Append) -> Appended | RepriseError:
        row = self.rows[wish.job]
        try:
            self._check_wish(row, wish)
            summary, events, texts = self._fold_events(row.summary, wish)
        except RepriseError as error:
            return error
        except (TypeError, ValueError) as error:  # a number that is none
            return BadRequest(f"The fold cannot read this event: {error}")
        first = row.summary.head + 1
        receipt = Appended(wish.job, first, summary.head, texts, summary.status, summary, self.now)
        row.changed |= any(not new.type.startswith("step.") for new in wish.events)
        row.summary = summary
        self.events += events
        self.receipts.append(receipt)
        return receipt

    @staticmethod
    def _check_wish(row: _Row, wish: Append) -> None:
        if wish.fence is not None and wish.fence != row.fence:
            raise LeaseLost(f"The job's fence is {row.fence}, not {wish.fence}.")
        if wish.expected_seq is not None and wish.expected_seq != row.summary.head:
            raise NotNow(f"The job's head is {row.summary.head}, not {wish.expected_seq}.")
        if wish.statuses is not None and (status := row.summary.status) not in wish.statuses:
            raise NotNow(f"The job is {status}.", job_status=status)

    def _fold_events(
        self, summary: Summary, wish: Append
    ) -> tuple[Summary, list[tuple[Any, ...]], list[str]]:
        at = max(self.now, summary.last_at or "")
        rows: list[tuple[Any, ...]] = []
        texts: list[str] = []
        append_id = wish.append_id
        for event, text, after in next_events(wish.job, summary, wish.events, wish.actor, at):
            summary = after
            texts.append(text)
            rows.append(
                (wish.job, event.seq, at, event.type, event.actor, event.target, text, append_id)
            )
            append_id = None  # the batch is known by its first event
        return summary, rows, texts

    def write(self, passage: AppendTransaction) -> None:
        if not self.events:
            return
        heads, changed = self._split_rows()
        statements = sql.WRITE_EVENTS
        statements += sql.WRITE_HEADS if heads else ""
        statements += sql.WRITE_ROWS if changed else ""
        values = self._columns(heads, changed)
        passage.last(statements, values, then=partial(hints.publish_hints, self.receipts))

    def go_on(self, passage: AppendTransaction, known: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Write to those rows that are still as `known`; return these, and the moment."""
        heads, changed = self._split_rows()
        statement = sql.go_on(heads=bool(heads), rows=bool(changed))
        before = [sql.array_text(column) for column in zip(*known, strict=True)]
        passage.only(statement, before + self._columns(heads, changed))
        return list(passage.cursor.fetchall())

    def _split_rows(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return the rows of which only the head has moved, and those that are changed."""
        moved = {receipt.job: self.rows[receipt.job] for receipt in self.receipts}
        heads = [_head_values(job, row.summary) for job, row in moved.items() if not row.changed]
        changed = [_row_values(job, row.summary) for job, row in moved.items() if row.changed]
        return heads, changed

    def _columns(self, *more: list[tuple[Any, ...]]) -> list[str]:
        tables = [self.events, *filter(None, more)]
        return [sql.array_text(column) for table in tables for column in zip(*table, strict=True)]


def _lock_and_look(
    passage: AppendTransaction, wishes: Sequence[Append], skip_locked: bool
) -> tuple[dict[UUID, _Row], str, dict[tuple[UUID, UUID | None], int]]:
    """Return the locked rows, the moment, and where batches that are stored already begin."""
    tagged = [wish for wish in wishes if wish.append_id]
    passage.first(
        sql.LOCK_FREE_AND_LOOK if skip_locked else sql.LOCK_AND_LOOK,
        [
            sql.array_text({wish.job for wish in wishes}),
            sql.array_text(wish.job for wish in tagged),
            sql.array_text(wish.append_id for wish in tagged),
        ],
    )
    cursor = passage.cursor
    rows = {row[0]: _Row(_row_summary(row[2:]), row[1]) for row in cursor.fetchall()}
    cursor.nextset()
    now, known = cursor.fetchone()
    return rows, now, {(UUID(job), UUID(tag)): int(seq) for job, tag, seq in known}


def _gone_back(
    cursor: Any, wishes: Sequence[Append], rows: Mapping[UUID, _Row], stored: Mapping[Any, Any]
) -> dict[Any, RepriseError]:
    """Return the answers to wishes whose log has lost what they follow, by where they stand.

    A database that was restored, or a standby that forgot a tail, has events that their producer
    was told are stored no more: what it goes on from is not what the log says.
    """
    lost: dict[Any, RepriseError] = {}
    for place, wish in enumerate(wishes):
        key = (wish.job, wish.append_id or place)
        row = rows.get(wish.job)
        if wish.follows and row and key not in stored and not _has(cursor, row, wish):
            lost[key] = LeaseLost(f"The log has gone back: {wish.follows} is not in it.")
    return lost


def _has(cursor: Any, row: _Row, wish: Append) -> bool:
    """Return whether the log has the event that a wish follows: asked only where others follow."""
    after, head = wish.follows, row.summary
    if after is None or after.seq > head.head:
        return after is None
    if after.seq == head.head:
        return head.head_hash.startswith(after.hash8 or "")
    cursor.execute(sql.HASH_AT, [wish.job, after.seq])
    found = cursor.fetchone()
    return found is None or found[0].startswith(after.hash8 or "")  # archived: it was not lost


def _row_summary(row: tuple[Any, ...]) -> Summary:
    status, done, total, failed, attempt, head, digest, sub, start, end, last, message, wait = row
    waiting_for = tuple(json.loads(wait))  # Django's cursors leave jsonb as text
    return Summary(
        status if head else "", done, total, failed, attempt, head, digest, sub, start, end, last,
        message, waiting_for,
    )  # fmt: skip


def _head_values(job: UUID, s: Summary) -> tuple[Any, ...]:
    return job, s.head, s.head_hash, s.last_at


def _row_values(job: UUID, s: Summary) -> tuple[Any, ...]:
    return (
        *_head_values(job, s), s.status, s.done, s.total, s.failed, s.attempt, s.submitted_at,
        s.started_at, s.finished_at, s.message, json.dumps(s.waiting_for), s.parked, s.due_at,
    )  # fmt: skip


def _stored_receipt(cursor: Any, wish: Append, first: int, row: _Row | None) -> Appended:
    """Return the receipt of a batch that an earlier try has stored."""
    cursor.execute(sql.BATCH, [wish.job, first, first + len(wish.events) - 1])
    texts = [text for _seq, text in cursor.fetchall()]
    status = row.summary.status if row else ""
    return Appended(wish.job, first, first + len(texts) - 1, texts, status)
