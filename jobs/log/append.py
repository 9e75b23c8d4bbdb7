"""The one door in: lock the job row, check, fold, insert, update the row; then a hint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from core import clock
from core.errors import NotFound, NotNow, RepriseError
from jobs.events import Event, NewEvent, first_hash, make_body, next_hash, with_hash
from jobs.job import Summary, advance, attempt_of
from jobs.log import hints, sql
from jobs.log.types import Appended, LeaseLost

VERSION = 1


@dataclass(frozen=True, slots=True)
class Append:
    """One producer's wish: `events` of one job, all or none of them.

    With `fence`, only while that lease holds; with `expected_seq`, only on that head; with
    `append_id` (unique per job), stored once however often it is tried.
    """

    job: UUID
    events: Sequence[NewEvent]
    actor: str
    fence: int | None = None
    expected_seq: int | None = None
    append_id: UUID | None = None


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
    wish = Append(job_id, events, actor, fence, expected_seq, append_id)
    with transaction.atomic():
        [result] = append_many([wish])
        if not isinstance(result, Appended):
            raise result or NotNow
    return result


def append_many(
    wishes: Sequence[Append], *, skip_locked: bool = False
) -> list[Appended | RepriseError | None]:
    """Append several wishes in one transaction; a bad one fails alone, its neighbours commit.

    Returns, in the wishes' order, the receipt or the error; None where the row is locked by
    somebody else and `skip_locked` says not to wait. Must run inside a transaction when it is to
    share it; makes its own otherwise.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        rows = _lock(cursor, {wish.job for wish in wishes}, skip_locked)
        now, known = _clock_and_known(cursor, wishes)
        batch = _Batch(rows, now)
        results: list[Appended | RepriseError | None] = []
        for wish in wishes:
            first = known.get((wish.job, wish.append_id)) if wish.append_id else None
            if first is not None:
                results.append(_stored(cursor, wish, first, rows.get(wish.job)))
            elif wish.job not in rows:
                results.append(None if skip_locked else NotFound())
            else:
                results.append(batch.add(wish))
                if wish.append_id and isinstance(results[-1], Appended):
                    known[wish.job, wish.append_id] = results[-1].first
        batch.write(cursor)
    return results


@dataclass(slots=True)
class _Row:
    summary: Summary
    fence: int


class _Batch:
    """What one transaction adds: folded rows, new events, and the hints that follow the commit."""

    def __init__(self, rows: dict[UUID, _Row], now: datetime) -> None:
        self.rows = rows
        self.now = now
        self.events: list[tuple[Any, ...]] = []
        self.receipts: list[Appended] = []

    def add(self, wish: Append) -> Appended | RepriseError:
        row = self.rows[wish.job]
        try:
            self._check(row, wish)
            summary, events, texts = self._fold(row.summary, wish)
        except RepriseError as error:
            return error
        receipt = Appended(wish.job, row.summary.head + 1, summary.head, texts, summary.status)
        self.rows[wish.job] = _Row(summary, row.fence)
        self.events += events
        self.receipts.append(receipt)
        return receipt

    @staticmethod
    def _check(row: _Row, wish: Append) -> None:
        if wish.fence is not None and wish.fence != row.fence:
            raise LeaseLost(f"The job's fence is {row.fence}, not {wish.fence}.")
        if wish.expected_seq is not None and wish.expected_seq != row.summary.head:
            raise NotNow(f"The job's head is {row.summary.head}, not {wish.expected_seq}.")

    def _fold(
        self, summary: Summary, wish: Append
    ) -> tuple[Summary, list[tuple[Any, ...]], list[str]]:
        at = clock.rfc3339(self.now)
        at = max(at, summary.last_at) if summary.last_at else at
        previous = bytes.fromhex(summary.head_hash) if summary.head else first_hash(wish.job)
        rows: list[tuple[Any, ...]] = []
        texts: list[str] = []
        append_id = wish.append_id
        for new in wish.events:
            attempt = attempt_of(summary, new.type)
            event = Event(
                summary.head + 1, new.type.value, VERSION, at, wish.actor, attempt,
                new.step, new.target, new.data,
            )  # fmt: skip
            body, raw = make_body(event)
            previous = next_hash(previous, raw)
            summary = advance(summary, replace(event, hash=previous.hex()))
            texts.append(with_hash(body, previous))
            rows.append(
                (wish.job, event.seq, at, event.type, wish.actor, new.target, texts[-1], append_id)
            )
            append_id = None  # the batch is known by its first event
        return summary, rows, texts

    def write(self, cursor: Any) -> None:
        if not self.events:
            return
        cursor.execute(sql.INSERT, [list(column) for column in zip(*self.events, strict=True)])
        jobs = {receipt.job for receipt in self.receipts}
        rows = [_row_values(job, self.rows[job].summary) for job in jobs]
        cursor.execute(sql.UPDATE_ROWS, [list(column) for column in zip(*rows, strict=True)])
        transaction.on_commit(partial(hints.publish, self.receipts))


def _lock(cursor: Any, jobs: Iterable[UUID], skip_locked: bool) -> dict[UUID, _Row]:
    cursor.execute(sql.LOCK_FREE if skip_locked else sql.LOCK, [list(jobs)])
    return {row[0]: _Row(_summary(row[2:]), row[1]) for row in cursor.fetchall()}


def _summary(row: tuple[Any, ...]) -> Summary:
    status, done, total, failed, attempt, head, head_hash, *times, message, waiting_for = row
    submitted_at, started_at, finished_at, last_at = (t and clock.rfc3339(t) for t in times)
    return Summary(
        status=status if head else "",
        done=done,
        total=total,
        failed=failed,
        attempt=attempt,
        head=head,
        head_hash=bytes(head_hash).hex(),
        submitted_at=submitted_at,
        started_at=started_at,
        finished_at=finished_at,
        last_at=last_at,
        message=message,
        waiting_for=tuple(json.loads(waiting_for)),  # Django's cursors leave jsonb as text
    )


def _row_values(job: UUID, s: Summary) -> tuple[Any, ...]:
    return (
        job, s.status, s.done, s.total, s.failed, s.attempt, s.head, bytes.fromhex(s.head_hash),
        s.submitted_at, s.started_at, s.finished_at, s.last_at, s.message,
        Jsonb(list(s.waiting_for)),
    )  # fmt: skip


def _clock_and_known(
    cursor: Any, wishes: Sequence[Append]
) -> tuple[datetime, dict[tuple[UUID, UUID | None], int]]:
    tagged = [wish for wish in wishes if wish.append_id]
    cursor.execute(
        sql.CLOCK_AND_KNOWN, [[wish.job for wish in tagged], [wish.append_id for wish in tagged]]
    )
    now, known = cursor.fetchone()
    return now.astimezone(UTC), {(UUID(job), UUID(tag)): int(seq) for job, tag, seq in known}


def _stored(cursor: Any, wish: Append, first: int, row: _Row | None) -> Appended:
    """Return the receipt of a batch that an earlier try has stored."""
    cursor.execute(sql.BATCH, [wish.job, first, first + len(wish.events) - 1])
    texts = [text for _seq, text in cursor.fetchall()]
    status = row.summary.status if row else ""
    return Appended(wish.job, first, first + len(texts) - 1, texts, status)
