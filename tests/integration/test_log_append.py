"""The one door in: order, chain, fence, expected head, retries, guards."""

from __future__ import annotations

import threading
from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from core.errors import BadRequest, CursorAhead, EventTooLarge, HistoryDiverged, NotFound, NotNow
from jobs import log
from jobs.events import EventType, NewEvent, parse
from jobs.events.fold import State, fold_all
from jobs.events.recording import broken_at
from jobs.log import Append, Appended, Cursor, LeaseLost, append_many
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.services import Services, with_database

pytestmark = pytest.mark.usefixtures("database")


def texts_of(job: Job) -> list[str]:
    return [text for page in log.read_history(job.pk, limit=7) for text in page.texts]


def test_a_history_is_gapless_chained_and_folds_to_the_row() -> None:
    job = make_job(events=[ATTEMPT])
    for number in range(20):
        log.append(job.pk, [output(f"line {number}\n")], actor="worker:w")
    texts = texts_of(job)
    assert [parse(text).seq for text in texts] == list(range(1, 23))
    assert broken_at(job.pk, texts) is None
    job.refresh_from_db()
    summary = fold_all(State(), map(parse, texts)).summary
    assert (job.head, bytes(job.head_hash).hex()) == (22, summary.head_hash)
    assert (job.status, job.attempt) == (summary.status, summary.attempt) == ("running", 1)


def test_a_bad_event_stores_nothing_of_its_batch() -> None:
    job = make_job(events=[ATTEMPT])
    for bad, error in [
        (output("x" * 70_000), EventTooLarge),
        (NewEvent(EventType.STEP_OUTPUT, {"x": float("nan")}, "s"), BadRequest),
        (NewEvent(EventType.JOB_CANCELLED), NotNow),
    ]:
        with pytest.raises(error):
            log.append(job.pk, [output("good"), bad], actor="worker:w")
    assert len(texts_of(job)) == 2


def test_an_append_holds_ten_mebibytes() -> None:
    job = make_job(events=[ATTEMPT])
    with pytest.raises(EventTooLarge):
        log.append(job.pk, [output("x" * 64_000)] * 165, actor="worker:w")
    assert log.append(job.pk, [output("x" * 64_000)] * 160, actor="worker:w").last == 162


@pytest.mark.parametrize("dirt", ["a\x00b", "a\ud83db"])
def test_dirt_anywhere_in_an_event_is_replaced_and_spoils_no_neighbour(dirt: str) -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(2)]
    ended = NewEvent(EventType.JOB_FAILED, {"message": dirt})
    wishes = [
        Append(jobs[0].pk, [output(dirt, step=dirt, target=dirt), ended], f"worker:{dirt}"),
        Append(jobs[1].pk, [output("clean")], "worker:w"),
    ]
    results = append_many(wishes)
    assert all(isinstance(result, Appended) for result in results)
    printed, last = map(parse, log.read(jobs[0].pk, 2).texts)
    clean = "a\N{REPLACEMENT CHARACTER}b"
    assert (printed.step, printed.target, printed.actor) == (clean, clean, f"worker:{clean}")
    assert printed.data["text"] == last.data["message"] == clean
    jobs[0].refresh_from_db()
    assert jobs[0].message == clean


def test_a_number_that_is_none_spoils_no_neighbour() -> None:
    jobs = [make_job(events=[ATTEMPT]) for _ in range(2)]
    bad = NewEvent(EventType.JOB_PROGRESSED, {"done": "many"})
    results = append_many(
        [Append(job.pk, [new], "w") for job, new in zip(jobs, [bad, output("good")], strict=True)]
    )
    assert isinstance(results[0], BadRequest)
    assert isinstance(results[1], Appended)


def test_nothing_follows_a_terminal_event() -> None:
    job = make_job(events=[ATTEMPT, NewEvent(EventType.JOB_SUCCEEDED, {"message": "Done."})])
    with pytest.raises(NotNow):
        log.append(job.pk, [output("late")], actor="worker:w")
    assert Job.objects.get(pk=job.pk).message == "Done."


def test_another_fence_or_head_is_refused() -> None:
    job = make_job(events=[ATTEMPT], fence=3)
    log.append(job.pk, [output("mine")], actor="worker:w", fence=3, expected_seq=2)
    with pytest.raises(LeaseLost):
        log.append(job.pk, [output("zombie")], actor="worker:w", fence=2)
    with pytest.raises(NotNow):
        log.append(job.pk, [output("late")], actor="worker:w", expected_seq=2)
    assert len(texts_of(job)) == 3


def test_a_retry_after_an_unknown_outcome_stores_nothing_twice() -> None:
    job = make_job(events=[ATTEMPT])
    tag, batch = uuid4(), [output("a"), output("b")]
    first = log.append(job.pk, batch, actor="worker:w", fence=0, append_id=tag)
    log.append(job.pk, [NewEvent(EventType.JOB_CANCEL_REQUESTED)], actor="user:u")
    Job.objects.filter(pk=job.pk).update(fence=9)
    again = log.append(job.pk, batch, actor="worker:w", fence=0, append_id=tag)
    assert (again.first, again.last, again.texts) == (first.first, first.last, first.texts)
    assert len(texts_of(job)) == 5


def test_in_a_group_a_bad_append_fails_alone() -> None:
    one, two = make_job(events=[ATTEMPT]), make_job(events=[ATTEMPT])
    results = append_many(
        [
            Append(one.pk, [output("a")], "worker:w"),
            Append(two.pk, [output("zombie")], "worker:w", fence=5),
            Append(one.pk, [output("b")], "worker:w"),
            Append(uuid4(), [output("nobody's")], "worker:w"),
            Append(two.pk, [output("c")], "worker:w"),
        ]
    )
    kinds = [type(result) for result in results]
    assert kinds == [Appended, LeaseLost, Appended, NotFound, Appended]
    assert [len(texts_of(job)) for job in (one, two)] == [4, 3]


def test_a_locked_row_is_left_for_the_next_round(database: str) -> None:
    free, locked = make_job(events=[ATTEMPT]), make_job(events=[ATTEMPT])
    with psycopg.connect(database) as other:
        other.execute("select 1 from jobs_job where id = %s for update", [locked.pk])
        wishes = [Append(job.pk, [output("x")], "worker:w") for job in (locked, free)]
        results = append_many(wishes, skip_locked=True)
    assert results[0] is None
    assert isinstance(results[1], Appended)


def test_concurrent_writers_of_one_job_leave_no_gap() -> None:
    job = make_job(events=[ATTEMPT])

    def write(name: str) -> None:
        try:
            for number in range(25):
                log.append(job.pk, [output(f"{name}-{number}")] * 2, actor=f"worker:{name}")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = texts_of(job)
    assert len(texts) == 2 + 4 * 25 * 2
    assert broken_at(job.pk, texts) is None
    times = [parse(text).at for text in texts]
    assert times == sorted(times)


@pytest.mark.parametrize("table", ["jobs_event", "jobs_event_{month}"])
@pytest.mark.parametrize("statement", ["update {} set text = ''", "delete from {}", "truncate {}"])
def test_the_database_refuses_to_change_events(
    table: str, statement: str, database: str, services: Services
) -> None:
    job = make_job(events=[ATTEMPT])
    with connection.cursor() as cursor:
        cursor.execute("select tableoid::regclass::text from jobs_event limit 1")
        [partition] = cursor.fetchone()
    name = partition if "{" in table else table
    address = with_database(services.postgres.superuser_url, database.rsplit("/", 1)[1])
    with psycopg.connect(address) as superuser, pytest.raises(psycopg.errors.RestrictViolation):
        superuser.execute(statement.format(name))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(name))
    assert len(texts_of(job)) == 2


def test_text_is_cleaned_at_the_door() -> None:
    job = make_job(events=[ATTEMPT, output("nul \x00, half a pair \ud83d, whole 🎮")])
    assert parse(texts_of(job)[-1]).data["text"] == "nul �, half a pair �, whole 🎮"


def test_cursors() -> None:
    job = make_job(events=[ATTEMPT])
    cursor = log.read_head(job.pk).cursor  # type: ignore[union-attr]  # the job is there
    assert log.check_cursor(job.pk, cursor).seq == 2
    assert str(cursor) == log.cursor_of(texts_of(job)[-1])
    assert log.read(job.pk).cursor == cursor
    with pytest.raises(CursorAhead):
        log.check_cursor(job.pk, Cursor(3))
    with pytest.raises(HistoryDiverged):
        log.check_cursor(job.pk, Cursor(2, "00000000"))
    with pytest.raises(NotFound):
        log.check_cursor(uuid4(), Cursor(0))
