"""The pages as the server makes them: who sees which, signing in, history without a script."""

from __future__ import annotations

import html
import re

import pytest

from jobs import log
from jobs.events import EventType, NewEvent
from jobs.models import Job
from tests.support.factories import ATTEMPT, make_job, output
from tests.support.feeding import feed_everything
from tests.support.people import People, Person, django_client


def read(person: Person, path: str, status: int = 200) -> str:
    """Return a page's text as a reader sees it, entities resolved."""
    answer = person.browser().get(path)
    assert answer.status_code == status
    return html.unescape(answer.content.decode())


def job_of(person: Person, *events: NewEvent) -> Job:
    team = person.principal.user.reprise_teams.first()
    job = make_job(person.user, [ATTEMPT, *events], team=team, title="Update to 1.5.0")
    feed_everything()
    return job


@pytest.mark.parametrize("path", ["/", "/jobs/new", "/history?kind=load"])
def test_a_stranger_is_led_to_sign_in_and_back(people: People, path: str) -> None:
    answer = django_client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in?next=/")


def test_signing_in_leads_to_where_one_wanted_to_go(people: People) -> None:
    people.alice.user.set_password("open sesame")
    people.alice.user.save()
    browser = django_client()
    page = browser.get("/sign-in?next=/history").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    form = {"username": "alice", "next": "/history", "csrfmiddlewaretoken": found[1]}

    wrong = browser.post("/sign-in", {**form, "password": "close sesame"})
    assert "Wrong user name or password" in wrong.content.decode()
    assert 'name="next" value="/history"' in wrong.content.decode()
    right = browser.post("/sign-in", {**form, "password": "open sesame"})
    assert (right.status_code, right["Location"]) == (302, "/history")


def test_only_who_may_submit_is_offered_a_new_job(people: People) -> None:
    assert "/jobs/new?kind=version-update" in read(people.alice, "/")
    assert "/jobs/new" not in read(people.vera, "/")
    assert "You may not do that" in read(people.vera, "/jobs/new", 403)


def test_a_kind_for_staff_is_shown_to_staff_only(people: People) -> None:
    assert "Load generator" in read(people.root, "/jobs/new")
    assert "Load generator" not in read(people.alice, "/jobs/new")
    assert "There is nothing here" in read(people.alice, "/jobs/new?kind=load", 404)


def test_a_job_is_run_again_by_the_form_of_its_kind(people: People) -> None:
    params = {"servers": ["gs-007"]}
    kind = "version-update"
    job = make_job(people.alice.user, [ATTEMPT], team=people.red, kind=kind, params=params)
    page = read(people.bob, f"/jobs/new?from={job.pk}")
    assert '<reprise-new-job kind="version-update">' in page
    assert "gs-007" in page
    assert "There is nothing here" in read(people.carol, f"/jobs/new?from={job.pk}", 404)
    assert "There is nothing here" in read(people.bob, "/jobs/new?from=none", 404)
    load = make_job(people.alice.user, team=people.red)
    assert "There is nothing here" in read(people.alice, f"/jobs/new?from={load.pk}", 404)
    assert " can-submit" in read(people.alice, f"/jobs/{job.pk}")
    assert " can-submit" not in read(people.alice, f"/jobs/{load.pk}")  # its kind is for staff


def test_a_job_of_another_team_is_not_found(people: People) -> None:
    job = job_of(people.alice)
    assert "Update to 1.5.0" in read(people.vera, f"/jobs/{job.pk}")
    assert "There is nothing here" in read(people.carol, f"/jobs/{job.pk}", 404)


def test_no_page_has_anything_inline(people: People) -> None:
    job = job_of(people.root)
    paths = ("/", "/jobs/new", "/jobs/new?kind=load", f"/jobs/{job.pk}", "/history", "/nowhere")
    for path in paths:
        page = people.root.browser().get(path).content.decode()
        assert " style=" not in page
        for script in re.findall(r"<script[^>]*>", page):
            assert 'type="application/json"' in script or " src=" in script


def test_the_history_says_what_happened_and_keeps_the_raw_event(people: People) -> None:
    job = job_of(people.alice, output("\x1b[32mok\x1b[0m, unpacked\n"))
    page = read(people.vera, "/history")
    assert "test/1 took the job" in page
    assert log.read(job.pk, 1).texts[0] in page
    assert "ok, unpacked" not in page
    assert "ok, unpacked" in read(people.vera, "/history?type=everything")
    assert "ok, unpacked" in read(people.vera, "/history?type=step.output")


def test_the_history_is_only_of_what_one_may_see(people: People) -> None:
    job_of(people.alice)
    assert "Nothing has happened yet" in read(people.carol, "/history")
    assert "took the job" in read(people.audrey, "/history")
    assert "You may not do that" in read(people.nobody, "/history", 403)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("actor=alice", True),
        ("actor=user:alice", True),
        ("actor=bob", False),
        ("kind=load", True),
        ("kind=version-update", False),
        ("since=2000-01-01T00:00", True),
        ("until=2000-01-01T00:00", False),
        ("type=job.submitted", True),
        ("type=job.failed", False),
    ],
)
def test_the_history_is_filtered_by_its_address(people: People, query: str, fits: bool) -> None:
    job = make_job(people.alice.user, team=people.red, title="Update to 1.5.0")
    log.append(job.pk, [NewEvent(EventType.JOB_CANCEL_REQUESTED)], actor="user:alice")
    feed_everything()
    page = read(people.vera, f"/history?{query}")
    assert ("Update to 1.5.0" in page) is fits
    assert ("No event matches" in page) is not fits


def test_a_filter_that_makes_no_sense_is_said_and_left_out(people: People) -> None:
    job_of(people.alice)
    page = read(people.vera, "/history?job=gs-003&since=soon")
    assert page.count("This filter is not applied.") == 2
    assert "took the job" in page


def test_the_history_is_paged_to_its_beginning_and_back(people: People) -> None:
    lines = [output(f"line {number}\n") for number in range(150)]
    job_of(people.alice, *lines)
    newest = read(people.vera, "/history?type=step.output")
    older = re.search(r'href="(/history\?[^"]*before=\d+)"', newest)
    assert older
    oldest = read(people.vera, older[1])
    assert ("line 149" in newest, "line 0" in newest) == (True, False)
    assert ("line 149" in oldest, "line 0" in oldest) == (False, True)
    assert "This is where the history begins." in oldest
    newer = re.search(r'href="(/history\?[^"]*after=\d+)"', oldest)
    assert newer
    assert "line 149" in read(people.vera, newer[1])
