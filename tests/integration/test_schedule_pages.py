"""The pages of schedules: for staff, refused what the admin refuses, told in the system's log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from jobs import schedules
from jobs.models import Job, Schedule
from jobs.schedules import cron, manage
from tests.support.factories import make_job
from tests.support.pages import Pages
from tests.support.people import People
from tests.support.system_log import system_events

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")

FORM = {
    "name": "nightly", "title": "Say hello", "cron": "30 3 * * *", "timezone": "Europe/Berlin",
    "enabled": "on", "owner": "root", "on_missed": "skip", "overlap": "skip", "params": "{}",
}  # fmt: skip
NEW = "/schedules/new?kind=test-say"


@pytest.fixture
def root(people: People) -> Pages:
    return Pages(people.root)


@pytest.fixture
def nightly(root: Pages) -> Schedule:
    assert root.send(NEW, **FORM).status == 302
    return Schedule.objects.get()


def test_schedules_are_for_staff_alone(people: People, nightly: Schedule) -> None:
    own = [f"/schedules/{nightly.pk}{act}" for act in ("", "/edit", "/delete", "/run")]
    for person in (people.alice, people.vera, people.audrey, people.nobody):
        pages = Pages(person)
        for path in ("/schedules", "/schedules/week", NEW, *own):
            assert (path, pages.read(path).status) == (path, 403)
        for path in (NEW, *own[1:], f"/schedules/{nightly.pk}/switch"):
            assert (path, pages.send(path, **FORM).status) == (path, 403)
    assert "/schedules" not in Pages(people.alice).read("/").text
    assert Job.objects.exclude(kind="system").count() == 0
    assert Schedule.objects.get().enabled


def test_a_schedule_is_made_changed_and_deleted(
    people: People, root: Pages, nightly: Schedule
) -> None:
    assert nightly.author == nightly.changed_by == nightly.owner == people.root.user
    assert nightly.next_run == cron.next_moment(FORM["cron"], FORM["timezone"], clock.now())
    assert "Say hello" in root.read(f"/schedules/{nightly.pk}").text
    path = f"/schedules/{nightly.pk}"
    changed = {**FORM, "cron": "0 5 * * *", "owner": "alice", "params": '{"words": ["a"]}'}
    assert root.send(f"{path}/edit", **changed).to == path
    nightly.refresh_from_db()
    assert (nightly.cron, nightly.owner, nightly.params) == (
        "0 5 * * *", people.alice.user, {"words": ["a"]},
    )  # fmt: skip
    assert root.rows("/schedules") == ["nightly"]
    assert root.send(f"{path}/delete").to == "/schedules"
    assert root.read(path).status == 404
    told = [event.type for event in system_events() if event.data.get("object") == "schedule"]
    assert told == ["system.added", "system.changed", "system.removed"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "required"),
        ({"name": "nightly"}, "already exists"),
        ({"name": "a\u200bb"}, "U+200B"),
        ({"cron": "@daily"}, "five fields"),
        ({"cron": "0 0 30 2 *"}, "never comes"),
        ({"cron": "R 3 * * *"}, "minute"),
        ({"timezone": "Middle-earth"}, "time zone"),
        ({"timezone": "/etc/passwd"}, "time zone"),
        ({"owner": "nobody-at-all"}, "no active user"),
        ({"owner": "vera"}, "Your role does not let you submit"),
        ({"params": "{"}, "JSON"),
        ({"params": '{"a": 1, "a": 2}'}, ""),
        ({"params": '{"words": NaN}'}, ""),
        ({"params": '{"words": 7}'}, "words"),
        ({"params": "[" * 100_000}, ""),
        ({"on_missed": "panic"}, "not one of the available choices"),
    ],
)
def test_what_could_never_run_is_refused_at_its_field(
    root: Pages, nightly: Schedule, change: dict[str, str], said: str
) -> None:
    answer = root.send(NEW, **{**FORM, "name": "other", **change})
    assert answer.status == 200
    assert any(said in one for one in answer.errors), answer.errors
    assert Schedule.objects.count() == 1


def test_one_that_is_off_is_kept_whatever_is_wrong_with_it(root: Pages, nightly: Schedule) -> None:
    form = {**FORM, "params": '{"words": 7}'}
    del form["enabled"]
    path = f"/schedules/{nightly.pk}"
    assert root.send(f"{path}/edit", **form).status == 302
    nightly.refresh_from_db()
    assert (nightly.enabled, nightly.next_run) == (False, None)
    Schedule.objects.update(cron="nonsense", kind="gone")
    for page in ("/schedules", "/schedules/week", path, f"{path}/edit", f"{path}/run"):
        assert (page, root.read(page).status) == (page, 200)
    assert "five fields" in root.read(root.send(f"{path}/switch", enabled="1").to).text
    assert not Schedule.objects.get().enabled
    assert root.send(f"{path}/delete").status == 302


def test_it_is_paused_and_goes_on(root: Pages, nightly: Schedule) -> None:
    path = f"/schedules/{nightly.pk}"
    root.send(f"{path}/switch", enabled="0")
    assert "nightly is paused." in root.read(path).text
    nightly.refresh_from_db()
    assert (nightly.enabled, nightly.next_run) == (False, None)
    assert root.rows("/schedules", state="on") == []
    assert root.rows("/schedules", state="paused") == ["nightly"]
    root.send(f"{path}/switch", enabled="1")
    nightly.refresh_from_db()
    assert nightly.enabled
    assert nightly.next_run is not None
    assert root.client.get(f"{path}/switch").status_code == 405


def test_it_runs_now_once_for_each_form(people: People, root: Pages, nightly: Schedule) -> None:
    path = f"/schedules/{nightly.pk}/run"
    found = re.search(r'name="key" value="(\w+)"', root.read(path).text)
    assert found
    first, again = (root.send(path, key=found[1]) for _ in range(2))
    job = Job.objects.exclude(kind="system").get()
    assert first.to == again.to == f"/jobs/{job.pk}"
    assert (job.submitted_by, job.labels) == ("user:root", {"schedule": "nightly"})
    assert (job.title, job.owner) == ("Say hello", people.root.user)
    nightly.refresh_from_db()
    assert (nightly.last_job, nightly.last_run) == (None, None)
    for key in ("", "\x00", "x" * 1000):
        assert root.send(path, key=key).status == 302
    assert Job.objects.exclude(kind="system").count() == 4


def test_what_cannot_run_now_says_why(root: Pages, nightly: Schedule) -> None:
    Schedule.objects.update(kind="gone")
    answer = root.send(f"/schedules/{nightly.pk}/run", key="a")
    assert "There is no job kind 'gone'" in root.read(answer.to).text
    assert Job.objects.exclude(kind="system").count() == 0


def test_its_page_shows_five_moments_and_its_own_outcomes(
    people: People, root: Pages, nightly: Schedule
) -> None:
    fired = manage.jobs_of(people.root.principal, nightly)
    make_job(people.root.user, submitted_by="schedule:nightly", title="By the clock")
    make_job(people.root.user, labels={"schedule": "nightly"}, title="By hand")
    make_job(people.alice.user, submitted_by="schedule:nightly", title="By somebody else")
    assert [job.title for job in fired] == ["By the clock"]
    text = root.read(f"/schedules/{nightly.pk}").text
    assert text.count(" 03:30 ") == 5
    assert "By the clock" in text
    assert "By hand" not in text


def test_moments_of_a_span_are_those_that_come_one_after_the_other() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the night in which Berlin's clocks go forward
    for expression in ("*/7 * * * *", "30 2 * * *", "0 */5 * * 0", "15 12 29 2 *"):
        found = cron.moments_between(expression, "Europe/Berlin", start, start + timedelta(days=3))
        at, expected = start - timedelta(microseconds=1), []
        while (at := cron.next_moment(expression, "Europe/Berlin", at)) < start + timedelta(days=3):
            expected.append(at)
        assert found == expected
    assert len(cron.next_moments("0 0 * * *", "UTC", start, 5)) == 5
    with pytest.raises(schedules.BadSchedule):
        cron.next_moments("0 0 30 2 *", "UTC", start, 5)


def test_the_week_has_each_run_on_its_day(root: Pages, nightly: Schedule) -> None:
    busy = {**FORM, "name": "busy", "cron": "*/5 * * * *", "timezone": "UTC"}
    root.send(NEW, **busy)
    text = root.read("/schedules/week", start="2026-12-02", zone="Europe/Berlin").text
    assert "Week of 30 November 2026" in text
    assert text.count("03:30") == 7
    assert text.count("288 runs") == 7
    assert "Week of 30 November 2026" in root.read("/schedules/week", start="2026-12-06").text
    assert root.read("/schedules/week", start="2026-12-02").text.count("02:30") == 7
    for query in ({"start": "9999-12-31"}, {"start": "x"}, {"zone": "x"}, {"zone": "\x00"}):
        answer = root.read("/schedules/week", **query)
        assert (answer.status, len(answer.errors)) == (200, 1)
