"""The feed of all jobs: complete, in each job's own order, positions given once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import feed, log
from jobs.access import visibility
from jobs.events import EventType, parse
from jobs.feed import AuditFilter
from tests.support.factories import ATTEMPT, make_job, make_team, make_user, output

pytestmark = pytest.mark.usefixtures("database")


def rows() -> list[tuple[int, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("select position, job::text, seq from jobs_feed order by position")
        return [tuple(row) for row in cursor.fetchall()]


def events() -> set[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("select job::text, seq from jobs_event")
        return {tuple(row) for row in cursor.fetchall()}


def assert_whole() -> None:
    found = rows()
    assert [position for position, _, _ in found] == list(range(1, len(found) + 1))
    assert {(job, seq) for _, job, seq in found} == events()
    seen: dict[str, int] = {}
    for _, job, seq in found:
        assert seq == seen.get(job, 0) + 1
        seen[job] = seq


def test_eight_writers_and_a_sequencer_miss_and_double_nothing() -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(3)]
    done = threading.Event()

    def write(number: int) -> None:
        try:
            for _ in range(30):
                log.append(jobs[number % 3].pk, [output("x")] * 2, actor="worker:w")
        finally:
            connection.close()

    def sequence() -> None:
        try:
            while not done.is_set():
                feed.sequence_events()
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=[number]) for number in range(8)]
    sequencers = [threading.Thread(target=sequence) for _ in range(2)]
    for thread in writers + sequencers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sequencers:
        thread.join()
    while feed.sequence_events():
        pass
    assert_whole()
    assert len(rows()) == 3 * 2 + 8 * 30 * 2


def test_an_open_write_holds_the_feed_back_and_nothing_is_skipped(database: str) -> None:
    slow, quick = make_job(events=[ATTEMPT]), make_job(events=[ATTEMPT])
    feed.sequence_events()
    before = len(rows())
    with psycopg.connect(database) as other:
        other.execute("select pg_current_xact_id()")
        log.append(slow.pk, [output("held")], actor="w")
        log.append(quick.pk, [output("held")], actor="w")
        assert feed.sequence_events() == 0
        assert feed.lag_seconds() > 0
    feed.sequence_events()
    assert len(rows()) == before + 2
    assert_whole()


class Writer:
    """A connection with a transaction of its own, told what to do a step at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.jobs: set[UUID] = set()
        self._do(partial(transaction.set_autocommit, False))

    def take_id(self) -> None:
        """Take a transaction id, long before the first event or long before the commit."""
        self._do(lambda: connection.cursor().execute("select pg_current_xact_id()"))

    def append(self, job: UUID) -> None:
        self._do(partial(log.append, job, [output("x")], actor="worker:w"))
        self.jobs.add(job)

    def commit(self) -> None:
        self._do(transaction.commit)
        self.jobs.clear()

    def close(self) -> None:
        self.commit()
        self._do(lambda: connection.close())
        self._thread.shutdown()

    def _do(self, step: Callable[[], object]) -> None:
        self._thread.submit(step).result()


steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["id", "first", "second", "commit", "sequence"])),
    max_size=25,
)


@given(steps)
@settings(max_examples=40, deadline=None)
def test_jobs_keep_their_order_however_transactions_cross(plan: list[tuple[int, str]]) -> None:
    jobs = [make_job(events=[ATTEMPT]).pk for _ in range(2)]
    writers = [Writer() for _ in range(3)]
    try:
        for number, step in plan:
            move(writers, number, step, jobs)
    finally:
        for writer in writers:
            writer.close()
    while feed.sequence_events():
        pass
    assert_whole()


def move(writers: list[Writer], number: int, step: str, jobs: list[UUID]) -> None:
    """Take one step, unless it would wait for another's transaction."""
    writer = writers[number]
    if step == "id":
        writer.take_id()
    elif step == "commit":
        writer.commit()
    elif step == "sequence":
        feed.sequence_events()
    else:
        job = jobs[step == "second"]
        if not any(job in other.jobs for other in writers if other is not writer):
            writer.append(job)


@pytest.fixture
def history() -> visibility.Principal:
    """Two teams' jobs in the feed; the reader is an operator of the first."""
    mine, theirs = make_team("Mine"), make_team("Theirs")
    reader = make_user("reader", team=mine)
    for team in (mine, theirs):
        make_job(team=team, events=[ATTEMPT, *[output(str(n)) for n in range(8)]])
    feed.sequence_events()
    return visibility.of_user(reader)


def test_the_audit_shows_what_its_reader_may_see(history: visibility.Principal) -> None:
    assert len(feed.read_audit(history, AuditFilter(), limit=100).rows) == 10
    nobody = visibility.of_user(make_user("nobody", role=""))
    assert feed.read_audit(nobody, AuditFilter()).rows == []
    auditor = visibility.of_user(make_user("auditor", role="auditor"))
    assert len(feed.read_audit(auditor, AuditFilter(), limit=100).rows) == 20


def test_the_audit_pages_by_position_both_ways(history: visibility.Principal) -> None:
    first = feed.read_audit(history, AuditFilter(), limit=4)
    assert first.previous is None
    second = feed.read_audit(history, AuditFilter(), before=first.next, limit=4)
    third = feed.read_audit(history, AuditFilter(), before=second.next, limit=4)
    assert third.next is None
    every = [row.position for page in (first, second, third) for row in page.rows]
    assert every == sorted(every, reverse=True)
    assert len(every) == 10
    assert (
        feed.read_audit(history, AuditFilter(), after=third.previous, limit=4).rows == second.rows
    )


def test_the_audit_filters(history: visibility.Principal) -> None:
    page = feed.read_audit(history, AuditFilter(type=EventType.ATTEMPT_STARTED))
    assert [parse(row.text).type for row in page.rows] == ["attempt.started"]
    assert feed.read_audit(history, AuditFilter(kind="none")).rows == []
    assert feed.read_audit(history, AuditFilter(actor="system"), limit=100).rows
