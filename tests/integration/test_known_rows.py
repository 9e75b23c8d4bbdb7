"""A writer goes on from the rows that it has written, and stores nothing where they are others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import clock
from core.db import in_thread
from jobs import log
from jobs.events import EventType, NewEvent, parse
from jobs.events.recording import broken_at
from jobs.integrity.verify import verify_job
from jobs.log import Append, Appended, LeaseLost, append_many
from jobs.log.known_rows import KnownRows
from jobs.log.sql import fetch_rows
from jobs.log.writer import Writer
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.intruder import Intruder

pytestmark = pytest.mark.usefixtures("database")


def wish(job: UUID, *events: NewEvent, fence: int = 1) -> Append:
    return Append(job, events or [output("x")], "worker:w", fence, append_id=uuid4())


def known(*jobs: UUID) -> KnownRows:
    """Return what a writer knows that has just written to jobs."""
    rows, wishes = KnownRows(), [wish(job) for job in jobs]
    rows.learn(wishes, append_many(wishes))
    return rows


def new_jobs(count: int = 1) -> list[UUID]:
    return [make_job(events=[ATTEMPT], fence=1).pk for _ in range(count)]


def head(job: UUID) -> int:
    return Job.objects.get(pk=job).head


def are_stored(results: Sequence[Appended | None]) -> list[bool]:
    return [isinstance(result, Appended) for result in results]


def test_the_next_append_takes_one_statement_and_leaves_what_two_would_leave() -> None:
    one, two = new_jobs(2)
    rows = known(one, two)
    done = NewEvent(EventType.JOB_PROGRESSED, {"done": 1, "total": 2, "failed": 0})
    wishes = [wish(one), wish(two, done), wish(one, output("y"), output("z"))]
    with CaptureQueriesContext(connection) as queries:
        results = rows.append(wishes)
    assert len(queries) == 1
    assert [(result.first, result.last) for result in results if result] == [(4, 4), (4, 4), (5, 6)]
    assert all(verify_job(job).ok for job in (one, two))
    assert Job.objects.get(pk=two).done == 1
    assert [parse(text).data.get("text") for text in log.read(one).texts[3:]] == ["x", "y", "z"]


def test_what_is_known_is_known_of_each_append_that_follows() -> None:
    [job] = new_jobs()
    rows = known(job)
    for number in range(5):
        wishes = [wish(job)]
        results = rows.append(wishes)
        rows.learn(wishes, results)
        assert are_stored(results) == [True], number
    assert verify_job(job).ok


def test_nothing_is_known_of_a_row_that_this_writer_has_not_written() -> None:
    one, two = new_jobs(2)
    rows = known(one)
    with CaptureQueriesContext(connection) as queries:
        assert rows.append([wish(one), wish(two)]) == [None, None]
    assert not queries
    assert KnownRows().append([wish(one)]) == [None]


def test_another_event_has_come_between() -> None:
    one, two = new_jobs(2)
    rows = known(one, two)
    log.append(one, [NewEvent(EventType.JOB_CANCEL_REQUESTED)], actor="user:u")
    assert are_stored(rows.append([wish(one), wish(two), wish(one)])) == [False, True, False]
    assert (head(one), head(two)) == (4, 4)


@pytest.mark.parametrize("change", ["fence = fence + 1", "head_hash = sha256(head_hash)"])
def test_another_lease_or_another_history_has_come_between(intruder: Intruder, change: str) -> None:
    [job] = new_jobs()
    rows = known(job)
    intruder.run(f"update jobs_job set {change} where id = %s", job)
    assert rows.append([wish(job)]) == [None]
    assert len(log.read(job)) == head(job) == 3


def test_a_wish_of_another_lease_is_not_compared_with_this_one() -> None:
    [job] = new_jobs()
    assert known(job).append([wish(job, fence=2)]) == [None]


def test_a_locked_row_is_left_and_its_neighbour_is_not(database: str) -> None:
    locked, free = new_jobs(2)
    rows = known(locked, free)
    with psycopg.connect(database) as other:
        other.execute("select 1 from jobs_job where id = %s for update", [locked])
        assert are_stored(rows.append([wish(locked), wish(free)])) == [False, True]
    assert (head(locked), head(free)) == (3, 4)


def test_where_one_would_be_refused_none_is_stored() -> None:
    one, two = new_jobs(2)
    rows = known(one, two)
    illegal = NewEvent(EventType.JOB_CANCELLED, {"message": ""})
    with CaptureQueriesContext(connection) as queries:
        assert rows.append([wish(one), wish(two, illegal)]) == [None, None]
    assert not queries


def test_an_end_is_the_last_that_is_known() -> None:
    [job] = new_jobs()
    rows, last = known(job), [wish(job, NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."}))]
    results = rows.append(last)
    rows.learn(last, results)
    assert are_stored(results) == [True]
    row = Job.objects.get(pk=job)
    assert (row.status, row.message, row.lease_until) == ("succeeded", "Done.", None)
    assert rows.append([wish(job)]) == [None]


def test_the_start_of_an_attempt_is_known_once_the_clock_is() -> None:
    one, two = new_jobs(2)
    rows, begun = known(one), wish(two)
    [receipt] = append_many([begun])
    assert isinstance(receipt, Appended)
    rows.learn_row(receipt, 1)
    assert are_stored(rows.append([wish(two)])) == [True]
    fresh = KnownRows()
    fresh.learn_row(receipt, 1)
    assert fresh.append([wish(two)]) == [None]


def test_events_are_dated_by_the_databases_clock(intruder: Intruder) -> None:
    one, two = new_jobs(2)
    intruder.run("update jobs_job set last_at = last_at + interval '1 hour' where id = %s", one)
    before = fetch_rows("select clock_timestamp()")[0][0]
    rows = known(one, two)  # the first is dated an hour ahead, as after a clock was set back
    [result] = rows.append([wish(two)])
    after = fetch_rows("select clock_timestamp()")[0][0]
    assert result
    assert before <= clock.parse(parse(result.texts[0]).at) <= after


async def test_people_and_a_run_write_to_one_job_and_lose_nothing() -> None:
    [job] = await in_thread(new_jobs)
    writer = Writer()

    async def run() -> None:
        for number in range(150):
            await writer.append(Append(job, [output(f"run {number}")], "worker:w", fence=1))

    async def people() -> None:
        for number in range(40):
            text = [output(f"people {number}")]
            await in_thread(log.append, job, text, actor="user:u")

    try:
        await asyncio.gather(run(), people())
        await in_thread(Job.objects.filter(pk=job).update, fence=2)
        with pytest.raises(LeaseLost):
            await writer.append(Append(job, [output("zombie")], "worker:w", fence=1))
    finally:
        await asyncio.to_thread(writer.stop)
    texts = (await in_thread(log.read, job)).texts
    said = [parse(text).data.get("text", "") for text in texts]
    for name, count in (("run", 150), ("people", 40)):
        assert [text for text in said if text.startswith(name)] == [
            f"{name} {number}" for number in range(count)
        ]
    assert len(texts) == 192
    assert broken_at(job, texts) is None
    assert (await in_thread(verify_job, job)).ok
