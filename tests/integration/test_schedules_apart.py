"""A schedule that cannot submit says so, and holds up nobody: not the others, not the admin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client, override_settings

from jobs import log, schedules
from jobs.events import parse
from jobs.integrity import verify_job
from jobs.kinds import guarded_calls, registry
from jobs.kinds.guarded_calls import PATIENCE_SECONDS
from jobs.models import Job, Schedule, Target
from tests.support import bad_kinds, kinds
from tests.support.bad_kinds import Bad
from tests.support.feeding import feed_everything
from tests.support.people import People

pytestmark = pytest.mark.usefixtures("database", "redis")

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DUE = MONDAY + 3 * HOUR
HOOKS = ("settle", "check", "plan", "total", "title_for")


@pytest.fixture(autouse=True)
def bad() -> Iterator[None]:
    registry._find_kinds.cache_clear()
    Bad.release.clear()
    with override_settings(REPRISE_KINDS=(*bad_kinds.PATHS, *kinds.PATHS)):
        yield
    Bad.release.set()
    guarded_calls._silent.clear()
    registry._find_kinds.cache_clear()


@pytest.fixture
def owner(people: People) -> User:
    return people.alice.user


def schedule(owner: User, name: str = "bad", **fields: Any) -> Schedule:
    values: dict[str, Any] = {"kind": Bad.name, "params": {}, "timezone": "UTC"}
    made = Schedule(name=name, cron="0 3 * * *", owner=owner, **(values | fields))
    schedules.plan_next(made, MONDAY)
    made.save()
    return made


def broken(owner: User, where: str, how: str = "", returns: Any = None) -> Schedule:
    name = f"bad {Schedule.objects.count()}"
    return schedule(owner, name, params={"where": where, "how": how, "returns": returns})


def fires_the_others_only(*bad: Schedule, patience: float = PATIENCE_SECONDS) -> list[Job]:
    """Fire bad schedules between two good ones; return the jobs that say what was wrong."""
    owner = bad[0].owner
    good = [schedule(owner, name, kind="test-say") for name in ("a good one", "z good one")]
    assert schedules.fire_due(DUE, patience=patience) == 2
    for one in good:
        one.refresh_from_db()
        assert (one.last_run, one.failures, one.error) == (DUE, 0, "")
    return [failed(one) for one in bad]


def failed(bad: Schedule) -> Job:
    bad.refresh_from_db()
    assert (bad.failures, bad.last_run, bad.next_run) == (1, None, DUE + DAY)
    assert bad.error == bad.message != ""
    assert bad.failed_at is not None
    job = bad.last_job
    assert job is not None
    assert (job.status, job.message, job.owner) == ("failed", bad.error, bad.owner)
    return job


@pytest.mark.parametrize("where", HOOKS)
def test_whatever_a_kind_raises_fails_its_own_schedule_alone(owner: User, where: str) -> None:
    hows = [how for how in bad_kinds.HOW if how != "hang"]
    fires_the_others_only(*(broken(owner, where, how) for how in hows))


@pytest.mark.parametrize(
    ("where", "how", "says"),
    [
        ("check", "exit", "Not submitted: The kind test-bad failed: SystemExit: 2"),
        ("plan", "value", "Not submitted: The kind test-bad failed: ValueError: not today"),
        ("total", "own", "Not submitted: The kind test-bad failed: OwnExit: gone"),
        ("title_for", "wordless", "failed: Unspeakable: its message cannot be shown"),
        ("settle", "nul", "ValueError: a \N{REPLACEMENT CHARACTER} and a"),
    ],
)
def test_the_failure_is_in_words(owner: User, where: str, how: str, says: str) -> None:
    [job] = fires_the_others_only(broken(owner, where, how))
    assert says in job.message


def test_whatever_a_kind_returns_fails_its_own_schedule_alone(owner: User) -> None:
    odd = [("title_for", "x" * 301), ("plan", None), ("plan", {"steps": 5}), ("total", "many"),
           ("total", -1), ("settle", None), ("settle", {"where": 7})]  # fmt: skip
    fires_the_others_only(*(broken(owner, where, returns=value) for where, value in odd))


def test_what_does_not_fit_any_more_fails_its_own_schedule_alone(owner: User) -> None:
    unfit: list[tuple[dict[str, Any], str]] = [
        ({"kind": "gone"}, "There is no job kind 'gone'."),
        ({"params": {"where": 5}}, "/where"),
        ({"params": [1]}, "not fit"),
        ({"params": {"returns": 2**70}}, "64 bits"),
        ({"params": {"returns": "x" * 200_000}}, "too long"),
        ({"kind": "load", "params": {}}, "Only staff"),
        ({"kind": "command", "params": {}}, "Your role does not let you"),
    ]
    bad = [schedule(owner, f"bad {number}", **one) for number, (one, _) in enumerate(unfit)]
    jobs = fires_the_others_only(*bad)
    for job, (_, says) in zip(jobs, unfit, strict=True):
        assert says in job.message


def test_a_group_that_has_outgrown_the_limit_fails_its_own_schedule_alone(
    owner: User, people: People
) -> None:
    owner.groups.set(Group.objects.filter(name="commander"))
    grown = schedule(owner, kind="command", params={"targets": ["group:eu"], "command": "true"})
    Target.objects.bulk_create(Target(name=f"t-{n:05}", group="eu") for n in range(10_001))
    fires_the_others_only(grown)


def test_an_expression_that_means_nothing_any_more_fails_and_waits_to_be_mended(
    owner: User,
) -> None:
    odd = schedule(owner, kind="test-say")
    Schedule.objects.filter(pk=odd.pk).update(cron="R 3 * * *")
    assert schedules.fire_due(DUE) == 0
    odd.refresh_from_db()
    assert (odd.failures, odd.next_run, odd.enabled) == (1, None, True)
    assert "no moments by chance" in odd.error
    assert schedules.fire_due(DUE + DAY) == 0


def test_a_kind_that_never_answers_costs_the_others_one_wait(owner: User) -> None:
    [job] = fires_the_others_only(broken(owner, "check", "hang"), patience=0.5)
    assert "did not answer within 0.5 s" in job.message
    assert schedules.fire_due(DUE + DAY) == 0  # the good ones' jobs have not ended
    bad = Schedule.objects.get(kind=Bad.name)
    assert (bad.failures, bad.next_run) == (2, DUE + 2 * DAY)
    assert "has not answered an earlier question" in bad.error
    silent = guarded_calls._silent[Bad.name]
    Bad.release.set()
    silent.join()
    Schedule.objects.filter(pk=bad.pk).update(params={})
    assert schedules.fire_due(DUE + 2 * DAY) == 1


def test_failures_are_counted_and_a_success_clears_them(owner: User) -> None:
    bad = broken(owner, "check", "value")
    for day in range(3):
        schedules.fire_due(DUE + day * DAY)
    bad.refresh_from_db()
    assert bad.failures == 3
    assert schedules.schedules_status() == schedules.Standing(1, {bad.name: 3})
    Schedule.objects.filter(pk=bad.pk).update(params={})
    assert schedules.fire_due(DUE + 3 * DAY) == 1
    bad.refresh_from_db()
    assert (bad.failures, bad.error, bad.message) == (0, "", "")
    assert schedules.schedules_status() == schedules.Standing(1, {})
    assert Job.objects.filter(labels__schedule=bad.name).count() == 4


def test_a_failed_moment_is_a_job_in_history_and_feed_whose_log_is_whole(
    people: People, owner: User
) -> None:
    [job] = fires_the_others_only(broken(owner, "check", "value"))
    first, last = (parse(text) for text in log.read(job.pk).texts)
    assert (first.type, first.actor) == ("job.submitted", "schedule:bad 0")
    assert (last.type, last.actor, last.data) == ("job.failed", "system", {"message": job.message})
    assert (job.title, job.kind, job.labels) == ("bad 0", Bad.name, {"schedule": "bad 0"})
    assert job.params == {"where": "check", "how": "value", "returns": None}
    feed_everything()
    rows = people.alice.client().get("/api/audit?type=job.failed").json()["events"]
    assert [row["job"] for row in rows] == [str(job.pk)]
    page = people.alice.browser().get(f"/history?job={job.pk}").content.decode()
    assert "ValueError: not today" in page
    assert people.alice.browser().get(f"/jobs/{job.pk}").status_code == 200
    shown = people.alice.client().get(f"/api/jobs/{job.pk}").json()
    assert (shown["status"], shown["message"]) == ("failed", job.message)
    assert verify_job(job.pk).ok


def test_a_job_that_failed_as_it_was_submitted_is_not_run(owner: User) -> None:
    [job] = fires_the_others_only(broken(owner, "check", "value"))
    job.refresh_from_db()
    assert (job.attempt, job.finished_at is not None, job.delivered_at) == (0, True, None)


WAYS = ("admin form", "admin action", "API", "command")


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_schedule_can_be_disabled(people: People, owner: User, way: str) -> None:
    bad = [broken(owner, "check", how) for how in bad_kinds.HOW]
    bad += [schedule(owner, "unknown", kind="gone"), schedule(owner, "odd", params=[1])]
    Schedule.objects.filter(name="odd").update(cron="R R L * *", timezone="Mars/Olympus")
    schedules_of(people, way, bad)
    assert not Schedule.objects.exclude(enabled=False, next_run=None).exists()


def schedules_of(people: People, way: str, bad: list[Schedule]) -> None:
    """Disable schedules, one of the ways."""
    client = Client(headers={"Host": "localhost"})
    client.force_login(people.root.user)
    if way == "admin action":
        form = {"action": "disable", "_selected_action": [str(one.pk) for one in bad]}
        assert client.post("/admin/jobs/schedule/", form).status_code == 302
        return
    for one in bad:
        one.refresh_from_db()
        match way:
            case "admin form":
                address = f"/admin/jobs/schedule/{one.pk}/change/"
                assert client.get(address).status_code == 200
                assert client.post(address, as_form(one)).status_code == 302
            case "API":
                answer = people.root.client().patch(
                    f"/api/schedules/{one.pk}", {"enabled": False}, content_type="application/json"
                )
                assert (answer.status_code, answer.json()["enabled"]) == (200, False)
            case _:
                call_command("schedules", "--disable", one.name, stdout=StringIO())


def as_form(one: Schedule) -> dict[str, Any]:
    names = ("name", "kind", "title", "cron", "timezone", "on_missed", "overlap")
    shown = {name: getattr(one, name) for name in names}
    return {**shown, "params": json.dumps(one.params), "owner": one.owner_id}


@pytest.mark.parametrize("way", ["admin", "API", "command"])
def test_a_bad_schedule_can_be_deleted(people: People, owner: User, way: str) -> None:
    bad = broken(owner, "check", "exit")
    job = fires_the_others_only(bad)[0]
    client = Client(headers={"Host": "localhost"})
    client.force_login(people.root.user)
    match way:
        case "admin":
            address = f"/admin/jobs/schedule/{bad.pk}/delete/"
            assert client.post(address, {"post": "yes"}).status_code == 302
        case "API":
            assert people.root.client().delete(f"/api/schedules/{bad.pk}").status_code == 204
        case _:
            call_command("schedules", "--delete", bad.name, stdout=StringIO())
    assert not Schedule.objects.filter(pk=bad.pk).exists()
    assert Job.objects.filter(pk=job.pk).exists()


def test_enabling_a_bad_one_in_the_admin_says_what_is_wrong(people: People, owner: User) -> None:
    client = Client(headers={"Host": "localhost"})
    client.force_login(people.root.user)
    for how in bad_kinds.HOW:  # the last of them never answers
        bad = broken(owner, "check", how)
        form = as_form(bad) | {"enabled": "on"}
        answer = client.post(f"/admin/jobs/schedule/{bad.pk}/change/", form)
        assert (how, answer.status_code) == (how, 200)
        says = "did not answer within" if how == "hang" else "kind test-bad failed: "
        assert says in answer.content.decode() or how in {"away", "query"}


def test_what_is_wrong_is_shown_in_admin_api_and_command(people: People, owner: User) -> None:
    bad = broken(owner, "check", "value")
    job = fires_the_others_only(bad)[0]
    bad.refresh_from_db()
    client = Client(headers={"Host": "localhost"})
    client.force_login(people.root.user)
    assert "ValueError: not today" in client.get("/admin/jobs/schedule/").content.decode()
    shown = people.root.client().get(f"/api/schedules/{bad.pk}").json()
    assert (shown["failures"], shown["error"]) == (1, job.message)
    assert shown["last_job"] == str(job.pk)
    out = StringIO()
    call_command("schedules", stdout=out)
    assert f"1 failed: {job.message}" in out.getvalue()
