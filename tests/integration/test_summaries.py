"""The feed's summaries as Postgres gives them, and who may see which."""

from __future__ import annotations

import json
import random
from uuid import UUID

import pytest

from core.db import in_thread
from core.ids import uuid7
from jobs import feed, log
from jobs.access import visibility
from jobs.events import EventType, NewEvent
from jobs.feed.summaries import AsyncSummaries, SummaryPage
from jobs.log import AsyncReader
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.people import make_people

pytestmark = pytest.mark.usefixtures("database")


def move(job: UUID, *events: NewEvent) -> None:
    """Append, and have it sequenced."""
    log.append(job, list(events), actor="worker:w")
    feed_everything()


def some_jobs(count: int) -> list[Job]:
    jobs = [make_job(events=[ATTEMPT], title=f"Job {number} “é”") for number in range(count)]
    feed_everything()
    return jobs


async def whole(summaries: AsyncSummaries, after: int, limit: int) -> list[SummaryPage]:
    """Return every page from a position on."""
    pages = [await summaries.page(after, limit, {})]
    while pages[-1].last > pages[-1].after:
        pages.append(await summaries.page(pages[-1].last, limit, {}))
    return pages


async def test_a_summary_is_how_the_row_stands_and_where_its_newest_event_is(database: str) -> None:
    (job,) = await in_thread(some_jobs, 1)
    await in_thread(move, job.pk, output("x"), NewEvent(EventType.JOB_PROGRESSED, {"total": 7}))
    progress = NewEvent(EventType.JOB_PROGRESSED, {"done": 2, "failed": 1})
    await in_thread(log.append, job.pk, [progress], actor="worker:w")  # the feed has it not yet
    async with AsyncReader(database) as reader:
        page = await AsyncSummaries(reader).page(0, 100, {})
        assert await AsyncSummaries(reader).end() == page.last == 4
    (summary,) = page.summaries
    assert (summary.position, summary.job, summary.owner, summary.team) == (4, job.pk, None, None)
    assert json.loads(summary.text) == {
        "position": 4, "job": str(job.pk), "job_kind": "load", "title": "Job 0 “é”",
        "status": "running", "done": 2, "total": 7, "head": 5, "failed": 1,
    }  # fmt: skip


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_pages_have_each_job_once_where_its_newest_event_is(
    database: str, limit: int
) -> None:
    jobs = await in_thread(some_jobs, 6)
    chance = random.Random(limit)
    for _ in range(40):
        job = chance.choice(jobs[:5])  # the last one rests
        await in_thread(move, job.pk, *[output("x")] * chance.randrange(1, 4))
    rows = await in_thread(lambda: feed.read_feed(0, 100_000).events)
    newest = {event.job: event.position for event in rows}
    async with AsyncReader(database) as reader:
        for after in (0, 5, len(rows) // 2, len(rows)):
            pages = await whole(AsyncSummaries(reader), after, limit)
            found = [(one.job, one.position) for page in pages for one in page.summaries]
            assert found == sorted(
                ((job, at) for job, at in newest.items() if at > after), key=lambda one: one[1]
            )
            assert pages[-1].last == len(rows)
            assert all(page.last - page.after <= limit for page in pages)


async def test_a_page_says_which_rows_are_ahead_of_the_feed_and_which_heads_are_lost(
    database: str,
) -> None:
    jobs = [job.pk for job in await in_thread(some_jobs, 3)]
    await in_thread(log.append, jobs[0], [output("x")] * 2, actor="worker:w")
    known = {jobs[0]: 4, jobs[1]: 2}
    async with AsyncReader(database) as reader:
        summaries = AsyncSummaries(reader)
        page = await summaries.page(0, 10, known)
        assert (page.unfed, page.fed, page.lost) == ({jobs[0]: 4}, {jobs[1]: 2}, False)
        await in_thread(feed_everything)
        assert (await summaries.page(0, 7, known)).fed == {jobs[1]: 2}
        page = await summaries.page(0, 10, known)
        assert (page.unfed, page.fed, page.lost) == ({}, known, False)
        assert (await summaries.page(0, 10, {jobs[2]: 3})).lost
        assert (await summaries.page(0, 10, {uuid7(): 1})).lost


async def test_an_empty_feed_has_an_empty_page(database: str) -> None:
    async with AsyncReader(database) as reader:
        summaries = AsyncSummaries(reader)
        assert await summaries.end() == 0
        assert await summaries.page(0, 10, {}) == SummaryPage(0, 0, [])
        assert await summaries.page(5, 10, {}) == SummaryPage(5, 5, [])


def test_a_sight_has_the_jobs_that_a_query_finds() -> None:
    people = make_people()
    owners = [people.alice, people.carol, people.nobody]
    jobs = [
        *(make_job(one.user, team=team) for one in owners for team in (None, people.red)),
        make_job(),
    ]
    for person in (
        people.alice, people.bob, people.carol, people.vera, people.audrey, people.root,
        people.nobody,
    ):  # fmt: skip
        principal = person.principal
        found = set(visibility.visible_jobs(principal).values_list("pk", flat=True))
        has = {
            job.pk for job in jobs if principal.visibility.has(job.owner_id, job.team_id, job.kind)
        }
        assert has == found, person.user.username
