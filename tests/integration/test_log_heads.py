"""Heads of jobs, asked for by many at once."""

from __future__ import annotations

import asyncio

import pytest

from core.db import in_thread
from core.errors import NotFound
from core.ids import uuid7
from jobs.log import AsyncReader, Cursor
from tests.support.factories import ATTEMPT, make_job

pytestmark = pytest.mark.usefixtures("database")


async def test_a_thousand_who_come_at_once_share_a_few_queries(database: str) -> None:
    jobs = [(await in_thread(make_job, events=[ATTEMPT])).pk for _ in range(3)]
    async with AsyncReader(database) as reader:
        cursors = [(job, Cursor(number % 3)) for number, job in enumerate(jobs * 333)]
        heads = await asyncio.gather(*(reader.check_cursor(*cursor) for cursor in cursors))
        assert {head.seq for head in heads} == {2}
        assert reader.queries <= 2


async def test_who_gives_up_or_asks_for_nothing_known_is_alone_with_it(database: str) -> None:
    job = (await in_thread(make_job, events=[ATTEMPT])).pk
    async with AsyncReader(database) as reader:
        asked = [asyncio.create_task(reader.check_cursor(job, Cursor(0))) for _ in range(3)]
        unknown = asyncio.create_task(reader.check_cursor(uuid7(), Cursor(0)))
        await asyncio.sleep(0)
        asked[1].cancel()
        assert {(await asked[0]).seq, (await asked[2]).seq} == {2}
        with pytest.raises(NotFound):
            await unknown
