"""The queue in Postgres: each id once, the most urgent first, as many at once as there is room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction

from core import clock
from core.db import in_thread
from core.ids import uuid7
from jobs.log.sql import change_rows, fetch_rows
from jobs.queue.port import Receiver
from jobs.queue.postgres import Procrastinate
from tests.support.intruder import Intruder

PATIENCE_SECONDS = 60.0
ENGINE = Procrastinate()
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where query like '%%delete from procrastinate_jobs%%' and pid <> pg_backend_pid()
  and datname = current_database()
"""

pytestmark = pytest.mark.usefixtures("database")


class Taken:
    """A receiver that notes ids in order, and is full until it is told to go on."""

    def __init__(self, room: int = 1_000) -> None:
        self.ids: list[UUID] = []
        self.room = asyncio.Semaphore(room)

    async def receive(self, job: UUID) -> None:
        """Take an id."""
        self.ids.append(job)
        await self.room.acquire()


@asynccontextmanager
async def serving(receive: Receiver, capacity: int) -> AsyncIterator[None]:
    task = asyncio.create_task(Procrastinate().serve(receive, "test/1", capacity))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - a condition of any kind
            await asyncio.sleep(0.01)


async def deliver(*jobs: UUID, priority: int = 0) -> None:
    for job in jobs:
        await in_thread(ENGINE.deliver, job, None, priority)


def queued() -> int:
    return int(fetch_rows("select count(*) from procrastinate_jobs")[0][0])


@pytest.mark.parametrize("moment", [0, 0.01, 0.03, 0.1])
async def test_it_ends_also_where_it_is_cancelled_while_it_starts(moment: float) -> None:
    task = asyncio.create_task(Procrastinate().serve(Taken().receive, "test/1", 2))
    await asyncio.sleep(moment)
    task.cancel()
    ended, _ = await asyncio.wait([task], timeout=PATIENCE_SECONDS)
    assert ended


async def test_the_most_urgent_come_first_then_the_oldest() -> None:
    plain, urgent = [uuid7() for _ in range(3)], [uuid7() for _ in range(2)]
    await deliver(*plain)
    await deliver(*urgent, priority=5)
    taken = Taken()
    async with serving(taken.receive, 10):
        await until(lambda: len(taken.ids) == 5)
    assert taken.ids == [*urgent, *plain]
    assert await in_thread(queued) == 0


async def test_what_is_queued_while_it_waits_comes_by_itself() -> None:
    taken, jobs = Taken(), [uuid7() for _ in range(3)]
    async with serving(taken.receive, 2):
        for job in jobs:
            await deliver(job)
            await until(lambda job=job: job in taken.ids)  # type: ignore[misc]
    assert taken.ids == jobs


async def test_no_more_are_fetched_than_there_is_room_for() -> None:
    jobs, taken = [uuid7() for _ in range(9)], Taken(room=0)
    await deliver(*jobs)
    async with serving(taken.receive, 4):
        await until(lambda: len(taken.ids) == 4)
        assert await in_thread(queued) == 5
        for _ in jobs:
            taken.room.release()
        await until(lambda: len(taken.ids) == 9)
    assert taken.ids == jobs


async def test_one_place_is_enough() -> None:
    jobs, taken = [uuid7() for _ in range(3)], Taken()
    await deliver(*jobs)
    async with serving(taken.receive, 1):
        await until(lambda: len(taken.ids) == 3)
    assert taken.ids == jobs


async def test_several_workers_get_each_id_once() -> None:
    jobs, taken = [uuid7() for _ in range(60)], Taken()
    async with serving(taken.receive, 7), serving(taken.receive, 5), serving(taken.receive, 1):
        await deliver(*jobs)
        await until(lambda: len(taken.ids) >= 60)
        assert await in_thread(queued) == 0
    assert sorted(taken.ids) == jobs


async def test_what_is_for_later_comes_later() -> None:
    taken, soon, late = Taken(), uuid7(), uuid7()
    await in_thread(ENGINE.deliver, late, clock.now() + timedelta(hours=1))
    await in_thread(ENGINE.deliver, soon, clock.now() + timedelta(seconds=0.3))
    async with serving(taken.receive, 4):
        await until(lambda: soon in taken.ids)
    assert taken.ids == [soon]
    assert await in_thread(queued) == 1


async def test_an_id_is_queued_once_until_it_is_fetched() -> None:
    taken, job = Taken(), uuid7()
    await deliver(job, job)
    assert await in_thread(queued) == 1
    async with serving(taken.receive, 4):
        await until(lambda: taken.ids == [job])
        await deliver(job)
        await until(lambda: taken.ids == [job, job])


async def test_what_is_rolled_back_was_never_queued() -> None:
    def roll_back() -> None:
        with transaction.atomic():
            ENGINE.deliver(uuid7())
            transaction.set_rollback(True)

    await in_thread(roll_back)
    assert await in_thread(queued) == 0


async def test_it_goes_on_after_its_connection_was_cut(intruder: Intruder) -> None:
    taken, before, after = Taken(), uuid7(), uuid7()
    async with serving(taken.receive, 4):
        await deliver(before)
        await until(lambda: before in taken.ids)
        assert await in_thread(intruder.run, CUT) == 1
        await deliver(after)
        await until(lambda: after in taken.ids)


async def test_what_a_worker_of_an_earlier_version_held_is_forgotten() -> None:
    await deliver(uuid7())
    await in_thread(change_rows, "update procrastinate_jobs set status = 'doing'")
    taken = Taken()
    async with serving(taken.receive, 4):
        assert await in_thread(ENGINE.forget_dead_deliveries) == 1
    assert taken.ids == []
    assert await in_thread(queued) == 0
