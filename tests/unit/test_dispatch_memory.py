"""The engine in memory keeps the port's promises: order, due moments, once while queued."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from core.ids import uuid7
from jobs.queue.memory import Memory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def taken(engine: Memory) -> Iterator[UUID]:
    while (job := engine.take()) is not None:
        yield job


def test_ids_come_by_priority_then_in_order_of_delivery() -> None:
    engine, jobs = Memory(), [uuid7() for _ in range(4)]
    for job, priority in zip(jobs, (0, 0, 5, -5), strict=True):
        engine.deliver(job, priority=priority)
    assert list(taken(engine)) == [jobs[2], jobs[0], jobs[1], jobs[3]]


def test_an_id_is_queued_once_and_again_after_it_was_taken() -> None:
    engine, job = Memory(), uuid7()
    engine.deliver(job)
    engine.deliver(job)
    assert list(taken(engine)) == [job]
    engine.deliver(job)
    assert list(taken(engine)) == [job]


def test_nothing_comes_before_its_moment() -> None:
    now = Clock()
    engine, late, soon = Memory(now), uuid7(), uuid7()
    engine.deliver(late, at=NOON + timedelta(hours=1), priority=10)
    engine.deliver(soon)
    assert list(taken(engine)) == [soon]
    now.now += timedelta(hours=1)
    assert list(taken(engine)) == [late]


def test_a_rolled_back_transaction_delivers_nothing(database: str) -> None:
    engine, job = Memory(), uuid7()
    with suppress(ZeroDivisionError), transaction.atomic():
        engine.deliver(job)
        raise ZeroDivisionError
    assert engine.take() is None
    with transaction.atomic():
        engine.deliver(job)
        assert engine.take() is None
    assert engine.take() == job


@pytest.mark.parametrize("capacity", [1, 2])
async def test_no_more_are_handed_over_at_once_than_there_is_room(capacity: int) -> None:
    engine, jobs = Memory(), [uuid7() for _ in range(5)]
    got: list[UUID] = []
    now, most = 0, 0
    done = asyncio.Event()

    async def receive(job: UUID) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        got.append(job)
        now -= 1
        if len(got) == len(jobs):
            done.set()

    serving = asyncio.create_task(engine.serve(receive, "test", capacity))
    for job in jobs:
        await asyncio.to_thread(engine.deliver, job)
    await done.wait()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert got == jobs
    assert most <= capacity
