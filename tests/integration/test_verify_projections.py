"""What is made of a log and kept beside it is held to it: the feed, snapshots, the job's team."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from jobs import log
from jobs.events import EventType, NewEvent
from jobs.integrity import verify_job
from jobs.integrity.rebuild import rebuild_job
from jobs.log.state import state_at
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.intruder import Intruder
from tests.support.people import People

EVENTS = 250
STEP = NewEvent(EventType.STEP_STARTED, {"try": 1, "occurrence": 1}, "fetch", "gs-001")

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def job(people: People) -> Job:
    """A running job of team red with EVENTS events."""
    lines = [output(f"line {number}") for number in range(EVENTS - 3)]
    return make_job(people.alice.user, [ATTEMPT, STEP, *lines], team=people.red)


def row(set_: str) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that updates the job's row."""
    return lambda intruder, job: intruder.run(f"update jobs_job set {set_} where id = %s", job)


def feed(statement: str) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that changes the feed of all jobs, once the job is in it."""

    def tamper(intruder: Intruder, job: UUID) -> None:
        feed_everything()
        assert intruder.run(statement.format("jobs_feed"), job)

    return tamper


def swap_in_feed(one: int, other: int) -> Callable[[Intruder, UUID], object]:
    """Return the tampering that exchanges the positions of two events in the feed."""

    def tamper(intruder: Intruder, job: UUID) -> None:
        feed_everything()
        for old, new in ((one, 10**6), (other, one), (10**6, other)):
            intruder.run("update jobs_feed set seq = %s where job = %s and seq = %s", new, job, old)

    return tamper


TAMPERINGS = {
    "another team": (row("team_id = (select id from jobs_team where id <> team_id)"), 1, "team"),
    "no team": (row("team_id = null"), 1, "submitted: team differs"),
    "no feed": (feed("delete from {} where job = %s"), 1, "Event 1 is not where it was in the f"),
    "a row of the feed": (feed("delete from {} where job = %s and seq = 57"), 57, "feed of all"),
    "the end of the feed": (feed("delete from {} where job = %s and seq > 200"), 201, "the feed"),
    "an order of the feed": (swap_in_feed(30, 40), 31, "in the feed of all jobs"),
    "a row too many": (feed("insert into {} values (9999, %s, 251)"), 251, "in the feed of all"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_tampering_is_found_where_it_is(name: str, job: Job, intruder: Intruder) -> None:
    tamper, seq, reason = TAMPERINGS[name]
    tamper(intruder, job.pk)
    verdict = verify_job(job.pk)
    assert (verdict.ok, verdict.seq) == (False, seq), verdict.reason
    assert reason in str(verdict.reason)


def test_a_job_is_good_before_it_is_in_the_feed_and_then(job: Job) -> None:
    assert verify_job(job.pk).ok
    feed_everything()
    assert verify_job(job.pk).ok
    log.append(make_job().pk, [ATTEMPT], actor="worker:w/1")
    feed_everything()
    assert verify_job(job.pk).ok


SNAPSHOTS = {
    "a summary": ("update {} set summary = replace(summary, 'running', 'failed')", 1000),
    "its steps": ("update {} set steps = '[]'", 1000),
    "one elsewhere": ("update {} set seq = 1500", 1500),
    "one past the head": ("update {} set seq = 9000", 9000),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_changed_snapshot_is_found(name: str, people: People, intruder: Intruder) -> None:
    made = make_job(people.alice.user, [ATTEMPT, STEP, *map(output, map(str, range(1_100)))])
    state_at(made.pk)
    assert verify_job(made.pk).ok
    statement, seq = SNAPSHOTS[name]
    assert intruder.run(f"{statement.format('jobs_snapshot')} where job = %s", made.pk) == 1
    verdict = verify_job(made.pk)
    assert (verdict.ok, verdict.seq) == (False, seq)
    assert "snapshot" in str(verdict.reason)
    rebuild_job(made.pk, write=True)
    assert verify_job(made.pk).ok
