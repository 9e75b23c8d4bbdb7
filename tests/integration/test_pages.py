"""The pages as the server makes them: who sees which, signing in, history without a script."""

from __future__ import annotations

import html
import re

import pytest

from jobs import feed, log
from jobs.events import EventType, NewEvent
from jobs.models import Job
from tests.support import cast as casting
from tests.support.cast import Cast, Person
from tests.support.factories import ATTEMPT, make_job, output


def read(person: Person, path: str, status: int = 200) -> str:
    """Return a page's text as a reader sees it, entities resolved."""
    answer = person.browser().get(path)
    assert answer.status_code == status
    return html.unescape(answer.content.decode())


def job_of(person: Person, *events: NewEvent) -> Job:
    team = person.principal.user.reprise_teams.first()
    job = make_job(person.user, [ATTEMPT, *events], team=team, title="Update to 1.5.0")
    feed.sequence_events()
    return job


@pytest.mark.parametrize("path", ["/", "/jobs/new", "/history?kind=load"])
def test_a_stranger_is_led_to_sign_in_and_back(cast: Cast, path: str) -> None:
    answer = casting.client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in?next=/")


def test_signing_in_leads_to_where_one_wanted_to_go(cast: Cast) -> None:
    cast.alice.user.set_password("open sesame")
    cast.alice.user.save()
    browser = casting.client()
    page = browser.get("/sign-in?next=/history").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    form = {"username": "alice", "next": "/history", "csrfmiddlewaretoken": found[1]}

    wrong = browser.post("/sign-in", {**form, "password": "close sesame"})
    assert "Wrong user name or password" in wrong.content.decode()
    assert 'name="next" value="/history"' in wrong.content.decode()
    right = browser.post("/sign-in", {**form, "password": "open sesame"})
    assert (right.status_code, right["Location"]) == (302, "/history")


def test_only_who_may_submit_is_offered_a_new_job(cast: Cast) -> None:
    assert "/jobs/new?kind=version-update" in read(cast.alice, "/")
    assert "/jobs/new" not in read(cast.vera, "/")
    assert "You may not do that" in read(cast.vera, "/jobs/new", 403)


def test_a_kind_for_staff_is_shown_to_staff_only(cast: Cast) -> None:
    assert "Load generator" in read(cast.root, "/jobs/new")
    assert "Load generator" not in read(cast.alice, "/jobs/new")
    assert "There is nothing here" in read(cast.alice, "/jobs/new?kind=load", 404)


def test_a_job_is_run_again_by_the_form_of_its_kind(cast: Cast) -> None:
    job = make_job(cast.alice.user, [ATTEMPT], team=cast.red, kind="version-update")
    page = read(cast.bob, f"/jobs/new?from={job.pk}")
    assert f'<reprise-new-job kind="version-update" from="{job.pk}">' in page
    assert "There is nothing here" in read(cast.carol, f"/jobs/new?from={job.pk}", 404)
    assert "There is nothing here" in read(cast.bob, "/jobs/new?from=none", 404)
    load = make_job(cast.alice.user, team=cast.red)
    assert "There is nothing here" in read(cast.alice, f"/jobs/new?from={load.pk}", 404)
    assert " can-submit" in read(cast.alice, f"/jobs/{job.pk}")
    assert " can-submit" not in read(cast.alice, f"/jobs/{load.pk}")  # its kind is for staff


def test_a_job_of_another_team_is_not_found(cast: Cast) -> None:
    job = job_of(cast.alice)
    assert "Update to 1.5.0" in read(cast.vera, f"/jobs/{job.pk}")
    assert "There is nothing here" in read(cast.carol, f"/jobs/{job.pk}", 404)


def test_no_page_has_anything_inline(cast: Cast) -> None:
    job = job_of(cast.root)
    paths = ("/", "/jobs/new", "/jobs/new?kind=load", f"/jobs/{job.pk}", "/history", "/nowhere")
    for path in paths:
        page = cast.root.browser().get(path).content.decode()
        assert " style=" not in page
        for script in re.findall(r"<script[^>]*>", page):
            assert 'type="application/json"' in script or " src=" in script


def test_the_history_says_what_happened_and_keeps_the_raw_event(cast: Cast) -> None:
    job = job_of(cast.alice, output("\x1b[32mok\x1b[0m, unpacked\n"))
    page = read(cast.vera, "/history")
    assert "test/1 took the job" in page
    assert log.read(job.pk, 1).texts[0] in page
    assert "ok, unpacked" not in page
    assert "ok, unpacked" in read(cast.vera, "/history?type=everything")
    assert "ok, unpacked" in read(cast.vera, "/history?type=step.output")


def test_the_history_is_only_of_what_one_may_see(cast: Cast) -> None:
    job_of(cast.alice)
    assert "Nothing has happened yet" in read(cast.carol, "/history")
    assert "took the job" in read(cast.audrey, "/history")
    assert "You may not do that" in read(cast.nobody, "/history", 403)


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
def test_the_history_is_filtered_by_its_address(cast: Cast, query: str, fits: bool) -> None:
    job = make_job(cast.alice.user, team=cast.red, title="Update to 1.5.0")
    log.append(job.pk, [NewEvent(EventType.JOB_CANCEL_REQUESTED)], actor="user:alice")
    feed.sequence_events()
    page = read(cast.vera, f"/history?{query}")
    assert ("Update to 1.5.0" in page) is fits
    assert ("No event matches" in page) is not fits


def test_a_filter_that_makes_no_sense_is_said_and_left_out(cast: Cast) -> None:
    job_of(cast.alice)
    page = read(cast.vera, "/history?job=gs-003&since=soon")
    assert page.count("This filter is not applied.") == 2
    assert "took the job" in page


def test_the_history_is_paged_to_its_beginning_and_back(cast: Cast) -> None:
    lines = [output(f"line {number}\n") for number in range(150)]
    job_of(cast.alice, *lines)
    newest = read(cast.vera, "/history?type=step.output")
    older = re.search(r'href="(/history\?[^"]*before=\d+)"', newest)
    assert older
    oldest = read(cast.vera, older[1])
    assert ("line 149" in newest, "line 0" in newest) == (True, False)
    assert ("line 149" in oldest, "line 0" in oldest) == (False, True)
    assert "This is where the history begins." in oldest
    newer = re.search(r'href="(/history\?[^"]*after=\d+)"', oldest)
    assert newer
    assert "line 149" in read(cast.vera, newer[1])
