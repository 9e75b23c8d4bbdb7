"""Pages of a job's log, wherever the cursor stands and however large its events are."""

from __future__ import annotations

import pytest

from core.db import in_thread
from jobs import log
from jobs.log import AsyncReader
from jobs.log.types import PAGE_BYTES
from tests.support.factories import ATTEMPT, make_job, output

LARGE = 60_000
A_PAGE = -(-PAGE_BYTES // LARGE)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("after", [0, 32_000, 32_767, 40_000, 2**31 - 1])
def test_a_page_may_begin_anywhere(after: int) -> None:
    job = make_job(events=[ATTEMPT])
    page = log.read(job.pk, after, limit=1000)
    assert page.last == (2 if after == 0 else after)


@pytest.mark.usefixtures("database")
def test_a_page_ends_with_the_event_that_fills_it() -> None:
    job = make_job(events=[ATTEMPT, *[output("é" * (LARGE // 2))] * (A_PAGE * 2 + 1)])
    pages = list(log.read_history(job.pk))
    assert [page.cut for page in pages] == [True, True, False]
    for page in pages[:-1]:
        *but_last, last = (len(text.encode()) for text in page.texts)
        assert sum(but_last) < PAGE_BYTES <= sum(but_last) + last
    assert [len(page.texts) for page in pages] == [len(page) for page in pages]
    assert sum(map(len, pages)) == job.head
    assert len(log.read(job.pk, 5, limit=10)) == 10


async def test_the_hubs_reader_has_the_same_page(database: str) -> None:
    job = await in_thread(make_job, events=[ATTEMPT, *[output("x" * LARGE)] * (A_PAGE + 5)])
    async with AsyncReader(database) as reader:
        page = await reader.read(job.pk)
    assert page == await in_thread(log.read, job.pk)
    assert page.cut
