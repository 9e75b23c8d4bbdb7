"""A command on a group of targets: asked for in the form, seen in the matrix."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.people import NEWCOMER
from tests.browser.visits import Visits

LINE = 'test "$REPRISE_TARGET" != gs-003 || { echo "no disk" >&2; exit 3; }; uname -s'


def test_a_command_from_the_form_to_the_matrix(visits: Visits) -> None:
    page = visits.page("/")
    page.locator("header").get_by_text("New job").click()
    page.locator("header").get_by_role("link", name="Command").click()
    expect(page.get_by_role("heading", name="Command", level=1)).to_be_visible()
    start, plan = page.get_by_role("button", name="Start job"), page.locator(".new-job-plan")

    visits.watch.allow(r"status of 422 .*/api/(plan|jobs)")
    page.get_by_label("gs-005").check()
    start.click()
    expect(page.get_by_label("Command")).to_be_focused()
    page.locator('input[value="group:demo"]').check()
    page.get_by_label("Command").fill(LINE)
    expect(plan).to_contain_text("12 targets in 3 batches: gs-001 first, then 10, 1.")
    page.get_by_label("Retries").fill("0")
    start.click()

    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    run = JobPage(page, visits.up, page.url.rpartition("/")[2])
    expect(run.ended).to_contain_text("It failed on 1 of 12 targets: gs-003.")
    expect(run.status).to_have_text("failed")
    expect(run.cell("gs-003", "run")).to_have_class(re.compile("is-failed"))
    cells = page.locator("reprise-matrix [role=gridcell].is-succeeded")
    expect(cells).to_have_count(11)
    run.shows_everything()


def test_who_may_not_run_commands_does_not_see_the_kind(visits: Visits) -> None:
    page = visits.page("/", who=NEWCOMER)
    page.locator("header").get_by_text("New job").click()
    expect(page.locator("header").get_by_role("link", name="Version update")).to_be_visible()
    expect(page.locator("header").get_by_role("link", name="Command")).to_have_count(0)
