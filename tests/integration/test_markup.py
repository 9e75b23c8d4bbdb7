"""Texts of people and programs are texts on every page, whatever they look like."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from jobs.events import EventType, NewEvent
from jobs.models import Schedule, Target, Team
from tests.support.factories import make_job, output
from tests.support.feeding import feed_everything
from tests.support.people import People, post

pytestmark = pytest.mark.usefixtures("database")

MARKUP = """</script><img src=x onerror="alert(1)">'{{7*7}}"""


def pages(people: People) -> list[str]:
    """Make everything that has a name out of markup; return the pages that show it."""
    user = people.alice.user
    User.objects.filter(pk=user.pk).update(first_name=MARKUP[:100])
    Team.objects.filter(pk=people.red.pk).update(name=MARKUP)
    Target.objects.create(name="one", address=MARKUP, labels={"a": MARKUP}, group=MARKUP[:50])
    schedule = Schedule(name=MARKUP, kind="load", cron="0 3 * * *", title=MARKUP, owner=user)
    schedule.save()
    begun = NewEvent(EventType.ATTEMPT_STARTED, {"worker": MARKUP, "fence": 1})
    said = [output(MARKUP, MARKUP, "one"), NewEvent(EventType.JOB_FAILED, {"message": MARKUP})]
    job = make_job(user, [begun, *said], team=people.red, title=MARKUP, params={"a": MARKUP})
    feed_everything()
    return [
        "/", f"/jobs/{job.pk}", f"/history?job={job.pk}", "/history", f"/jobs/new?again={job.pk}",
        f"/history?q={MARKUP}", f"/sign-in?next=/{MARKUP}", "/admin/jobs/job/",
        f"/admin/jobs/job/{job.pk}/change/", "/admin/jobs/target/", "/admin/jobs/schedule/",
        f"/admin/jobs/schedule/{schedule.pk}/change/", "/admin/jobs/team/", "/admin/auth/user/",
    ]  # fmt: skip


def test_no_text_becomes_markup(people: People) -> None:
    browser = people.root.browser()
    for path in pages(people):
        page = browser.get(path).content.decode()
        assert "<img src=x" not in page, path


def test_an_error_repeats_no_markup_as_a_page(people: People) -> None:
    for path in ("/api/jobs?status=" + MARKUP, "/api/jobs/" + MARKUP, "/api/" + MARKUP):
        answer = people.alice.client().get(path, headers={"Accept": "text/html"})
        assert answer["Content-Type"] == "application/problem+json"
    answer = post(people.alice.client(), "/api/jobs", {"kind": MARKUP, "params": {}})
    assert answer["Content-Type"] == "application/problem+json"
