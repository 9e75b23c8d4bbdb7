"""Jobs in an hour, and API requests in a minute: counted for the user, whatever they sign in by."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from core import clock
from core.errors import OverLimit
from core.ids import uuid7_floor
from jobs import commands
from jobs.access import rate_limits, tokens
from jobs.access.rate_limits import Buckets
from jobs.commands.retry import retry
from jobs.events import EventType, NewEvent
from jobs.models import Job, Schedule
from jobs.schedules import fire_due
from jobs.system_log import unrecorded
from tests.support.factories import ATTEMPT, make_job
from tests.support.people import People, django_client, post

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")

WISH = {"kind": "test-say", "params": {}}


@pytest.fixture(autouse=True)
def patient_buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Buckets that wait for Valkey: the usual ones refuse nobody for a while where it is slow."""
    monkeypatch.setattr(rate_limits, "PATIENCE_SECONDS", 60)
    rate_limits.buckets_in.cache_clear()
    yield
    rate_limits.buckets_in.cache_clear()


@pytest.fixture
def three_an_hour(database: str) -> Iterator[None]:
    with override_settings(REPRISE=settings.REPRISE.with_changes(jobs_per_hour=3)):
        yield


def submitted(client: Client, **headers: str) -> int:
    return post(client, "/api/jobs", WISH, **headers).status_code


@pytest.mark.usefixtures("three_an_hour")
def test_a_user_submits_so_many_jobs_in_an_hour_by_all_tokens(people: People) -> None:
    first, other = people.alice.client(), tokens.make_token(people.alice.user, "other")[1]
    second = django_client(Authorization=f"Bearer {other}")
    key = {"Idempotency-Key": "a"}
    assert [submitted(first, **key), submitted(second), submitted(first)] == [201, 201, 201]
    refused = post(second, "/api/jobs", WISH)
    assert (refused.status_code, refused.json()["code"]) == (429, "over_limit")
    assert 3500 < int(refused["Retry-After"]) <= 3601
    assert submitted(first, **key) == 200  # the same as before is no other job
    assert submitted(people.bob.client()) == 201


@pytest.mark.usefixtures("three_an_hour")
def test_what_is_older_than_an_hour_is_forgotten(people: People) -> None:
    client = people.alice.client()
    old = clock.now() - timedelta(minutes=61)
    for number in range(3):
        job = make_job(people.alice.user, id=uuid7_floor(old + timedelta(seconds=number)))
        Job.objects.filter(pk=job.pk).update(submitted_at=old)
    assert submitted(client) == 201


@pytest.mark.usefixtures("three_an_hour")
def test_a_retry_counts_for_who_asks_and_a_schedule_for_nobody(people: People) -> None:
    failed = NewEvent(EventType.JOB_FAILED, {"message": "No."})
    theirs = make_job(people.bob.user, [ATTEMPT, failed], team=people.red, kind="test-say")
    for _ in range(3):
        retry(people.alice.principal, theirs.pk, "all")
    with pytest.raises(OverLimit):
        retry(people.alice.principal, theirs.pk, "all")
    with unrecorded():
        now = clock.now()
        for number in range(4):
            Schedule.objects.create(
                name=f"nightly {number}", kind="test-say", params={}, cron="* * * * *",
                owner=people.alice.user, next_run=now,
            )  # fmt: skip
    assert fire_due(now) == 4
    with pytest.raises(OverLimit):
        commands.submit(people.alice.principal, "test-say", {})
    commands.submit(people.bob.principal, "test-say", {})


@pytest.mark.usefixtures("three_an_hour")
def test_jobs_that_come_at_once_do_not_pass_each_other(people: People) -> None:
    together = threading.Barrier(8)

    def come(_number: int) -> int:
        together.wait()
        try:
            return submitted(people.alice.client())
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(come, range(8)))
    assert found == [201] * 3 + [429] * 5


def limited(**limits: int) -> override_settings:
    return override_settings(REPRISE=settings.REPRISE.with_changes(**limits))


def test_a_user_makes_so_many_requests_in_a_minute_by_session_and_token(people: People) -> None:
    clients = [people.alice.client(), people.alice.browser()]
    with limited(requests_per_minute=10):
        found = [clients[number % 2].get("/api/jobs") for number in range(12)]
        assert [one.status_code for one in found].count(200) in (10, 11)
        refused = found[-1]
        assert (refused.status_code, refused.json()["code"]) == (429, "over_limit")
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert people.bob.client().get("/api/jobs").status_code == 200


def test_an_address_without_a_user_is_limited_by_itself(people: People) -> None:
    with limited(anonymous_requests_per_minute=5):
        stranger = django_client(Authorization="Bearer rp_wrong")
        found = [stranger.get("/api/jobs", REMOTE_ADDR="192.0.2.9").status_code for _ in range(8)]
        assert found[0] == 401
        assert found[-1] == 429
        assert stranger.get("/api/jobs", REMOTE_ADDR="192.0.2.10").status_code == 401
        signed_in = people.alice.client().get("/api/jobs", REMOTE_ADDR="192.0.2.9")
        assert signed_in.status_code == 200


def test_processes_share_what_they_count(redis: str) -> None:
    one, other = Buckets(redis), Buckets(redis)
    taken = [buckets.wait_for("user:0", 4) for buckets in (one, other, one, other)]
    assert taken == [0, 0, 0, 0]
    assert 0 < other.wait_for("user:0", 4) <= 15


def test_without_valkey_nobody_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    away = Buckets("redis://127.0.0.1:1/0")
    assert [away.wait_for("user:0", 1) for _ in range(3)] == [0, 0, 0]
    assert [one.getMessage() for one in caplog.records] == [
        "API requests are not limited: ConnectionError"
    ]
    assert rate_limits.REST_SECONDS > 1
