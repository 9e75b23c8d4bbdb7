"""What somebody may not do is absent, and refused by a page in the same frame."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.job_page import JobPage
from tests.browser.people import NEWCOMER, VIEWER
from tests.browser.visits import Visits


def test_a_viewer_watches_and_is_offered_no_act(visits: Visits) -> None:
    up = visits.up
    up.fleet.fail("gs-001", "fetch", how="hang")
    job = up.update(up.other_version(), ["gs-001"])
    operators = JobPage.open(visits.page(), up, job)
    viewers = JobPage.open(visits.page(who=VIEWER), up, job)
    for each in (operators, viewers):
        expect(each.cell("gs-001", "fetch")).to_have_class(re.compile("is-running"))
    expect(operators.stop_button).to_be_visible()
    expect(viewers.stop_button).to_have_count(0)

    operators.stop_button.click()
    operators.page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
    for each in (operators, viewers):
        expect(each.ended).to_contain_text("Stopped on request.")
    again = "Run again"
    expect(operators.ended.get_by_role("link", name=again)).to_be_visible()
    expect(viewers.page.get_by_role("link", name=again)).to_have_count(0)
    viewers.shows_everything()

    page = viewers.page
    page.goto("/")
    expect(page.locator(f'.job-link[href="/jobs/{job}"]')).to_be_visible()
    expect(page.get_by_text("New job")).to_have_count(0)


def test_what_is_forbidden_says_so_in_the_frame(visits: Visits) -> None:
    visits.watch.allow(r"status of 403 .*/jobs/new\]")
    page = visits.page("/jobs/new", who=VIEWER)
    expect(page).to_have_title("Not allowed · Reprise")
    expect(page.get_by_role("heading", name="You may not do that")).to_be_visible()
    is_in_the_frame(page, VIEWER)


def test_what_is_not_there_or_not_theirs_looks_the_same(visits: Visits, finished: str) -> None:
    visits.watch.allow(r"status of 404 .*/(jobs/[0-9a-f-]{36}|nowhere)\]")
    page = visits.page("/nowhere", who=NEWCOMER)
    texts = set()
    for path in ("/nowhere", f"/jobs/{uuid4()}", f"/jobs/{finished}"):
        answer = page.goto(path)
        assert answer
        assert answer.status == 404
        expect(page).to_have_title("Not found · Reprise")
        is_in_the_frame(page, NEWCOMER)
        texts.add(page.get_by_role("main").inner_text())
    assert len(texts) == 1, texts


def is_in_the_frame(page: Page, who: str) -> None:
    """The bar, whose page it is, and a way on."""
    expect(page.locator("header.bar")).to_contain_text(who)
    expect(page.get_by_role("link", name="History")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Go to the jobs").click()
    expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()
    page.go_back()
