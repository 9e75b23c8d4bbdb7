"""Schedules: each moment once, whoever sweeps; what is missed or overlaps. Time is the test's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from core import clock
from jobs import log, schedules
from jobs.events import EventType, NewEvent, parse
from jobs.models import Job, Schedule
from tests.integration import runs
from tests.support.factories import make_team, make_user

pytestmark = pytest.mark.usefixtures("database", "redis", "scripts")

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def owner(database: str) -> User:
    return make_user(team=make_team())


def schedule(owner: User, cron: str = "0 3 * * *", **fields: Any) -> Schedule:
    values = {"name": "nightly", "kind": "test-script", "params": {}, "timezone": "UTC"}
    made = Schedule(cron=cron, owner=owner, **(values | fields))
    schedules.plan_next(made, MONDAY)
    made.save()
    return made


def submitted() -> list[Job]:
    return list(Job.objects.exclude(kind="system").order_by("pk"))


def test_it_fires_when_its_moment_comes_and_not_before(owner: User) -> None:
    nightly = schedule(owner)
    due = MONDAY + 3 * HOUR
    assert nightly.next_run == due
    assert schedules.fire_due(due - MINUTE) == 0
    assert schedules.fire_due(due) == 1
    assert schedules.fire_due(due) == 0
    [job] = submitted()
    assert (job.kind, job.owner, job.submitted_by) == ("test-script", owner, "schedule:nightly")
    assert (job.team, job.labels) == (make_team(), {"schedule": "nightly"})
    assert job.idempotency_key == f"schedule:{nightly.pk}:{clock.rfc3339(due)}"
    assert parse(log.read(job.pk).texts[0]).actor == "schedule:nightly"
    nightly.refresh_from_db()
    assert (nightly.last_run, nightly.next_run, nightly.last_job) == (due, due + DAY, job)


def test_several_sweepers_fire_it_once(owner: User) -> None:
    schedule(owner)
    start = threading.Barrier(4)
    fired: list[int] = []

    def sweeper() -> None:
        try:
            start.wait()
            fired.append(schedules.fire_due(MONDAY + 3 * HOUR))
        finally:
            connection.close()

    threads = [threading.Thread(target=sweeper) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(fired), len(submitted())) == (1, 1)


def test_a_moment_whose_row_did_not_move_on_makes_no_second_job(owner: User) -> None:
    nightly = schedule(owner, overlap=Schedule.QUEUE)
    due = MONDAY + 3 * HOUR
    schedules.fire_due(due)
    Schedule.objects.filter(pk=nightly.pk).update(next_run=due)
    schedules.fire_due(due)
    assert len(submitted()) == 1


@pytest.mark.parametrize(("on_missed", "jobs"), [(Schedule.SKIP, 0), (Schedule.ONCE, 1)])
def test_what_was_missed_is_left_out_or_run_once(owner: User, on_missed: str, jobs: int) -> None:
    nightly = schedule(owner, on_missed=on_missed)
    back = MONDAY + 5 * DAY
    assert schedules.fire_due(back) == jobs
    last = back - DAY + 3 * HOUR
    keys = [job.idempotency_key for job in submitted()]
    assert keys == [f"schedule:{nightly.pk}:{clock.rfc3339(last)}"] * jobs
    nightly.refresh_from_db()
    assert nightly.next_run == back + 3 * HOUR
    assert nightly.message.startswith("Left out 2026-11-27T03:00") is (jobs == 0)


@pytest.mark.parametrize("on_missed", [Schedule.SKIP, Schedule.ONCE])
def test_a_moment_within_a_minute_is_not_missed(owner: User, on_missed: str) -> None:
    schedule(owner, on_missed=on_missed)
    assert schedules.fire_due(MONDAY + 4 * DAY + 3 * HOUR + MINUTE) == 1
    assert len(submitted()) == 1


def test_every_minute_for_a_year_is_not_counted_through(owner: User) -> None:
    schedule(owner, "* * * * *")
    assert schedules.fire_due(MONDAY + 365 * DAY) == 1


@pytest.mark.parametrize(("overlap", "jobs"), [(Schedule.SKIP, 1), (Schedule.QUEUE, 2)])
def test_what_to_do_while_the_last_job_has_not_ended(owner: User, overlap: str, jobs: int) -> None:
    nightly = schedule(owner, overlap=overlap)
    for day in range(2):
        schedules.fire_due(MONDAY + day * DAY + 3 * HOUR)
    assert len(submitted()) == jobs
    nightly.refresh_from_db()
    assert ("has not ended" in nightly.message) is (jobs == 1)
    ended = [NewEvent(EventType.ATTEMPT_STARTED, {"worker": "test/1"}), runs.ended()]
    for job in submitted():
        log.append(job.pk, ended, actor="worker:test/1")
    assert schedules.fire_due(MONDAY + 2 * DAY + 3 * HOUR) == 1
    nightly.refresh_from_db()
    assert nightly.message == ""


def test_what_an_owner_may_not_any_more_fails(owner: User) -> None:
    nightly = schedule(owner)
    owner.groups.clear()
    assert schedules.fire_due(MONDAY + 3 * HOUR) == 0
    nightly.refresh_from_db()
    assert nightly.message == "Not submitted: Your role does not let you submit jobs."
    assert submitted()[0].plan == {"steps": [], "groups": [], "words": ""}
    assert nightly.next_run == MONDAY + DAY + 3 * HOUR
    User.objects.filter(pk=owner.pk).update(is_active=False)
    schedules.fire_due(MONDAY + DAY + 3 * HOUR)
    nightly.refresh_from_db()
    assert "no longer active" in nightly.message
    assert [job.status for job in submitted()] == ["failed"] * 2


def test_a_disabled_schedule_has_no_next_moment(owner: User) -> None:
    assert schedule(owner, enabled=False).next_run is None
    assert schedules.fire_due(MONDAY + DAY) == 0


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("cron", "after", "moments"),
    [
        ("30 2 * * *", "2026-03-28T12:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
        ("30 2 * * *", "2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        ("0 * * * *", "2026-10-25T00:00Z", ["2026-10-25T01:00Z", "2026-10-25T02:00Z"]),
        ("0 9 * * 1-5", "2026-11-20T12:00Z", ["2026-11-23T08:00Z", "2026-11-24T08:00Z"]),
    ],
)
def test_moments_are_those_of_the_time_zone(cron: str, after: str, moments: list[str]) -> None:
    moment = datetime.fromisoformat(after)
    found = []
    for _ in moments:
        moment = schedules.next_moment(cron, BERLIN, moment)
        found.append(moment)
    assert found == [datetime.fromisoformat(text) for text in moments]


@pytest.mark.parametrize(
    ("cron", "zone"),
    [("* * * *", "UTC"), ("61 * * * *", "UTC"), ("0 0 30 2 *", "UTC"), ("@daily", "UTC"),
     ("* * * * * *", "UTC"), ("0 3 * * *", "Mars/Olympus"), ("0 3 * * *", "../etc")],
)  # fmt: skip
def test_nonsense_is_refused(cron: str, zone: str) -> None:
    with pytest.raises(schedules.BadSchedule):
        schedules.next_moment(cron, zone, MONDAY)


@pytest.fixture
def admin(database: str) -> Client:
    root = User.objects.create_superuser("root", password="secret")
    client = Client(HTTP_HOST="localhost")
    client.force_login(root)
    return client


def form(owner: User, **fields: str) -> dict[str, str]:
    values = {
        "name": "nightly", "kind": "test-script", "params": "{}", "title": "", "cron": "0 3 * * *",
        "timezone": BERLIN, "enabled": "on", "owner": str(owner.pk), "on_missed": "skip",
        "overlap": "skip",
    }  # fmt: skip
    return values | fields


def test_the_admin_makes_one(owner: User, admin: Client) -> None:
    assert admin.post("/admin/jobs/schedule/add/", form(owner)).status_code == 302
    made = Schedule.objects.get()
    assert made.next_run == schedules.next_moment("0 3 * * *", BERLIN, clock.now())


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("cron", "often", "five fields"),
        ("timezone", "Mars/Olympus", "no time zone"),
        ("kind", "unknown", "no job kind"),
        ("params", '{"targets": 5}', "/targets"),
        ("kind", "load", "Only staff"),
    ],
)
def test_the_admin_refuses_what_could_never_submit(
    owner: User, admin: Client, field: str, value: str, says: str
) -> None:
    answer = admin.post("/admin/jobs/schedule/add/", form(owner, **{field: value}))
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Schedule.objects.exists()
