"""The main job: an operator starts a version update from the form and watches it to its end."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.job_page import STEPS, JobPage
from tests.browser.visits import Visits

WORDS = (
    "12 servers in 4 batches: gs-001 first, then 4, 4, 3. Stops after 2 failures."
    " If gs-001 fails, it goes no further."
)


def test_an_update_from_the_form_to_its_last_event(visits: Visits) -> None:
    up, version = visits.up, visits.up.other_version()
    page = visits.page("/")
    page.locator("header").get_by_text("New job").click()
    page.locator("header").get_by_role("link", name="Version update").click()
    expect(page.get_by_role("heading", name="Version update", level=1)).to_be_visible()
    fill_in(page, version)
    page.get_by_role("button", name="Start job").click()

    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    run = JobPage(page, up, page.url.rpartition("/")[2])
    expect(run.head).to_contain_text(f"Update to {version} · 12 servers")
    expect(run.head).to_contain_text("by demo")
    expect(run.stop_button).to_be_visible()
    expect(run.cell("gs-001", "health")).to_have_class(re.compile("is-succeeded"))
    expect(run.ended).to_contain_text(f"12 servers run {version}.")
    expect(run.status).to_have_text("succeeded")
    expect(run.head).to_contain_text("12 succeeded · 0 left")
    expect(run.stop_button).to_have_count(0)
    expect(page).to_have_title(f"✓ Update to {version} · 12 servers · Reprise")

    cells = page.locator("reprise-matrix [role=gridcell].is-succeeded")
    expect(cells).to_have_count(len(up.servers) * len(STEPS))
    expect(run.connection).to_contain_text("every event is here")
    run.shows_everything()
    assert {up.fleet.version(name)["version"] for name in up.servers} == {version}


def fill_in(page: Page, version: str) -> None:
    """Fill in the form for all servers, not without a mistake on the way."""
    plan, batch = page.locator(".new-job-plan"), page.get_by_label("Batch size")
    start = page.get_by_role("button", name="Start job")
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_label("Version", exact=True).select_option(version)
    expect(plan).to_contain_text(f"Update to {version} · 12 servers")
    expect(plan).to_contain_text(WORDS)

    batch.fill("6")
    expect(plan).to_contain_text("12 servers in 3 batches: gs-001 first, then 6, 5.")
    page.get_by_label("Failures tolerated").fill("0")
    expect(plan).to_contain_text("Stops after 1 failure.")

    for typed, error in (("0", "At least 1."), ("four", "Enter a number.")):
        batch.fill(typed)
        start.click()
        expect(batch).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".form-field", has=batch)).to_contain_text(error)
        expect(batch).to_be_focused()
        expect(batch).to_have_value(typed)
        expect(plan).to_contain_text("There is no plan yet.")
    expect(page.get_by_label("Failures tolerated")).to_have_value("0")
    expect(page.get_by_label("gs-012")).to_be_checked()
    expect(page).to_have_url(re.compile(r"/jobs/new\?kind=version-update$"))

    batch.fill("4")
    page.get_by_label("Failures tolerated").fill("1")
    expect(plan).to_contain_text(WORDS)


def test_what_only_the_service_can_refuse_is_said_at_the_field(visits: Visits) -> None:
    """A release was withdrawn after the form had been made."""
    visits.watch.allow(r"status of 422 .*/api/(plan|jobs)")
    context = visits.context()
    context.route("**/api/kinds?*", with_a_release_that_is_gone)
    page = context.new_page()
    page.goto("/jobs/new?kind=version-update")
    page.get_by_label("gs-003").check()
    version = page.get_by_label("Version", exact=True)
    version.select_option("9.9.9")
    problem = "There is no release 9.9.9; the repository has"
    field = page.locator(".form-field", has=version)
    expect(field.locator(".form-error")).to_contain_text(problem)
    expect(page.locator(".new-job-plan")).to_contain_text("There is no plan yet.")

    page.get_by_role("button", name="Start job").click()
    expect(version).to_be_focused()
    expect(version).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("gs-003")).to_be_checked()
    version.select_option("1.4.0")
    expect(page.locator(".new-job-plan")).to_contain_text("1 server: gs-003.")
    expect(field.locator(".form-error")).to_have_count(0)


def with_a_release_that_is_gone(route: Route) -> None:
    """Let the form offer 9.9.9 as well."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('"1.4.0"', '"1.4.0", "9.9.9"'))
