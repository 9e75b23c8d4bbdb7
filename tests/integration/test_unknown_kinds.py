"""A worker that does not know a job's kind leaves the job to one that does, and says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from core import clock
from jobs import commands, log, metrics
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.commands import steer
from jobs.events import Event, EventType, NewEvent, parse
from jobs.kinds import registry
from jobs.models import Job
from jobs.queue import leases, limits, live_workers, lost_attempts, rescue
from jobs.queue.maintenance import Duty
from tests.support import workers
from tests.support.factories import ATTEMPT, make_job

pytestmark = pytest.mark.usefixtures("database", "redis")

WAIT = {"for": "kind", "kind": "test-brief"}


@contextmanager
def knowing(*paths: str) -> Iterator[None]:
    """Know these kinds beside the built-in ones, as a process with that REPRISE_KINDS does."""
    registry._find_kinds.cache_clear()
    with override_settings(REPRISE_KINDS=paths):
        yield
    registry._find_kinds.cache_clear()


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    with knowing(*workers.KINDS):
        yield


def submit(who: Principal, kind: str = "test-brief", priority: int = 0, **params: object) -> UUID:
    return commands.submit(who, kind, params, priority=priority)[0].pk


def left(job: UUID, suspects: set[UUID] | None = None) -> None:
    """Deliver a job to a worker that does not know its kind."""
    with knowing():
        assert leases.take_job(job, "plain/1", suspects) is None


def lose(job: UUID) -> None:
    """Take a job as a worker does that dies then."""
    assert leases.take_job(job, "dead/1") is not None
    Job.objects.filter(pk=job).update(lease_until=clock.now() - timedelta(seconds=60))


def events(job: UUID, type_: str) -> list[Event]:
    return [event for event in map(parse, log.read(job).texts) if event.type == type_]


def ready() -> Any:
    return Client(headers={"Host": "localhost"}).get("/readyz")


def waiting_metrics() -> list[str]:
    lines = metrics.text().decode().splitlines()
    return [line for line in lines if line.startswith("reprise_jobs_unknown")]


def test_it_is_left_and_says_so_once_however_often_it_is_delivered(who: Principal) -> None:
    job = submit(who)
    for _ in range(3):
        left(job)
    with knowing():
        assert leases.take_many([job], "plain/1") == {}
    [reported] = events(job, "job.waiting")
    assert reported.data == {"for": "kind", "waits": [WAIT], "count": 1}
    assert events(job, "attempt.started") == []
    row = Job.objects.get(pk=job)
    assert (row.status, row.waiting_for, row.parked) == ("waiting", [WAIT], False)
    assert row.lease_until is None


def test_take_many_leaves_it_and_takes_the_others(who: Principal) -> None:
    unknown, load = submit(who), make_job(who.user).pk
    with knowing():
        assert list(leases.take_many([unknown, load], "plain/1")) == [load]
    assert Job.objects.get(pk=unknown).waiting_for == [WAIT]


def test_it_is_taken_once_the_package_is_installed(who: Principal) -> None:
    job = submit(who)
    left(job)
    lease = leases.take_job(job, "new/1")
    assert lease is not None
    assert lease.attempt == 1
    row = Job.objects.get(pk=job)
    assert (row.status, row.waiting_for) == ("running", [])
    assert len(events(job, "job.waiting")) == 1


def test_an_attempt_lost_before_is_said_and_counts_once(who: Principal) -> None:
    job = submit(who)
    lose(job)
    for _ in range(3):
        left(job)
    [reported] = events(job, "job.waiting")
    assert reported.data["waits"] == [WAIT]
    assert (reported.data["lost"]["attempt"], reported.data["lost"]["worker"]) == (1, "dead/1")
    lose(job)
    lost = lost_attempts.lost_in_a_row(job, "dead/1", clock.rfc3339(clock.now()))
    assert [one.attempt for one in lost] == [1, 2]


def test_it_is_no_suspect_where_its_kind_is_unknown(who: Principal) -> None:
    job, suspects = submit(who), set[UUID]()
    for _ in range(lost_attempts.SUSPECT_AFTER):
        lose(job)
    left(job, suspects)
    assert suspects == set()
    assert Job.objects.get(pk=job).status == "waiting"


def test_it_has_no_place_in_the_line_of_its_kind(who: Principal) -> None:
    config = settings.REPRISE.with_changes(limits={"test-brief": 1})
    with override_settings(REPRISE=config):
        unknown, next_, last = (submit(who) for _ in range(3))
        left(unknown)
        assert leases.take_job(next_, "new/1") is not None
        assert leases.take_job(last, "new/1") is None
        assert (
            leases.take_job(unknown, "new/1") is None
        )  # now it waits for its turn, before the last
        wait = {"for": "limit", "kind": "test-brief", "limit": 1}
        assert Job.objects.get(pk=unknown).waiting_for == [wait]
        Job.objects.filter(pk=next_).update(lease_until=None, status="succeeded")
        assert limits.wake_next("test-brief") == 1
        assert leases.take_job(last, "new/1") is None
        assert leases.take_job(unknown, "new/1") is not None


def test_who_stood_behind_it_in_the_line_is_woken(who: Principal) -> None:
    config = settings.REPRISE.with_changes(limits={"test-brief": 1})
    with override_settings(REPRISE=config):
        first, behind = submit(who), submit(who)
        assert leases.take_job(behind, "new/1") is None
        with connection.cursor() as cursor:
            cursor.execute("delete from procrastinate_jobs")
            left(first)
            cursor.execute("select args ->> 'job' from procrastinate_jobs")
            assert cursor.fetchall() == [(str(behind),)]


def test_one_that_has_not_begun_is_cancelled_at_once(who: Principal) -> None:
    job = submit(who)
    left(job)
    commands.cancel(who, job)
    assert Job.objects.get(pk=job).status == "cancelled"
    assert live_workers.unknown_kinds() == {}


def test_a_pause_holds_and_a_resume_has_it_look_again(who: Principal) -> None:
    job = submit(who)
    left(job)
    steer.pause(who, job)
    assert live_workers.waiting_jobs({"test-brief": "1"}, 8) == []
    steer.resume(who, job)
    left(job)
    assert len(events(job, "job.waiting")) == 2


def test_the_sweep_delivers_it_to_nobody(who: Principal) -> None:
    job, other = submit(who), submit(who)
    left(job)
    long_ago = clock.now() - timedelta(days=1)
    Job.objects.update(delivered_at=long_ago)
    assert rescue.deliver_due() == 1
    assert Job.objects.get(pk=job).delivered_at == long_ago
    assert Job.objects.get(pk=other).delivered_at != long_ago


def test_workers_find_those_of_their_kinds_by_priority(who: Principal) -> None:
    low, other, high = (
        submit(who), submit(who, "test-shared"), submit(who, priority=5)
    )  # fmt: skip
    for job in (low, other, high):
        left(job)
    assert live_workers.waiting_jobs({"test-brief": "1"}, 8) == [high, low]
    assert live_workers.waiting_jobs({"test-brief": "1"}, 1) == [high]
    assert live_workers.waiting_jobs({"load": "1"}, 8) == []
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute("set enable_bitmapscan = off")
        for query in (live_workers._NEXT, live_workers._UNKNOWN):
            values: list[Any] = [["test-brief"], "{}", 8] if query is live_workers._NEXT else [30]
            cursor.execute(f"explain {query}", values)
            assert "job_unknown_kind" in str(cursor.fetchall())


def test_the_api_and_pages_say_what_it_waits_for(who: Principal) -> None:
    job = submit(who)
    left(job)
    client = Client(HTTP_HOST="localhost")
    client.force_login(who.user)
    for path in (f"/api/jobs/{job}", f"/api/jobs?id={job}"):
        answer = client.get(path).json()
        [wait] = (answer["jobs"][0] if "jobs" in answer else answer)["waiting_for"]
        assert {name: value for name, value in wait.items() if value is not None} == WAIT


def test_a_sort_of_a_newer_reprise_is_answered_too(who: Principal) -> None:
    data = {"for": "weather", "waits": [{"for": "weather", "name": "sun"}], "count": 1}
    job = make_job(who.user, [ATTEMPT, NewEvent(EventType.JOB_WAITING, data)])
    client = Client(HTTP_HOST="localhost")
    client.force_login(who.user)
    [wait] = client.get(f"/api/jobs/{job.pk}").json()["waiting_for"]
    assert (wait["for"], wait["name"]) == ("weather", "sun")
    assert visibility.job_for(who, job.pk).parked is True


def test_what_nobody_knows_is_told_and_leaves_the_service_ready(who: Principal) -> None:
    Duty("feed", lambda: None, 1).run_if_due()
    assert "warning" not in ready().json()["kinds"]
    assert waiting_metrics() == []
    for kind in ("test-brief", "test-brief", "test-shared"):
        left(submit(who, kind))
    answer = ready()
    assert answer.status_code == 200
    reported = "no worker can run test-brief (2 jobs wait), test-shared (1 job waits)"
    assert answer.json()["kinds"]["warning"] == reported
    assert waiting_metrics() == [
        'reprise_jobs_unknown_kind{kind="test-brief"} 2.0',
        'reprise_jobs_unknown_kind{kind="test-shared"} 1.0',
    ]
    live_workers.renew_worker("full/1", {"load": "1", "test-brief": "1"})
    assert live_workers.unknown_kinds() == {"test-shared": 1}
    live_workers.renew_worker("full/1", dict.fromkeys(["load", "test-brief", "test-shared"], "1"))
    assert "warning" not in ready().json()["kinds"]
    live_workers.remove_worker("full/1")
    assert live_workers.unknown_kinds() == {"test-brief": 2, "test-shared": 1}


def test_many_kinds_are_said_shortly() -> None:
    found = {f"kind-{number}": number for number in range(1, 9)}
    assert live_workers.describe_kinds(found) == (
        "no worker can run kind-1 (1 job waits), kind-2 (2 jobs wait), kind-3 (3 jobs wait), "
        "kind-4 (4 jobs wait), kind-5 (5 jobs wait) and 3 more"
    )


def test_a_silent_worker_knows_nothing_and_is_forgotten_after_a_day(who: Principal) -> None:
    left(submit(who))
    live_workers.renew_worker("silent/1", {"test-brief": "1"})
    seen(seconds=29)
    assert live_workers.unknown_kinds() == {}
    seen(seconds=31)
    assert live_workers.unknown_kinds() == {"test-brief": 1}
    seen(seconds=23 * 3600)
    assert live_workers.forget_silent() == 0
    seen(seconds=25 * 3600)
    assert live_workers.forget_silent() == 1


def seen(seconds: float) -> None:
    """Have every worker seen that long ago."""
    with connection.cursor() as cursor:
        statement = "update jobs_worker set seen_at = clock_timestamp() - %s * interval '1 second'"
        cursor.execute(statement, [seconds])


def test_the_log_says_it_once_a_change(who: Principal, caplog: pytest.LogCaptureFixture) -> None:
    def reported() -> list[str]:
        caplog.clear()
        for _ in range(2):
            notice.tell()
        return [record.getMessage() for record in caplog.records]

    caplog.set_level(logging.INFO, live_workers.__name__)
    notice, advice = live_workers.Notice(), "name the kind in REPRISE_KINDS where workers run"
    assert reported() == []
    left(submit(who))
    [line] = reported()
    assert line.startswith("no worker can run test-brief (1 job waits): ")
    assert line.endswith(advice)
    left(submit(who))
    assert reported() == []
    left(submit(who, "test-shared"))
    [line] = reported()
    assert line.startswith("no worker can run test-shared (1 job waits): ")
    live_workers.renew_worker("full/1", {"test-brief": "1"})
    assert reported() == ["no job waits for test-brief without a worker now"]
