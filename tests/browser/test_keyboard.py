"""The pages by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.job_page import JobPage
from tests.browser.people import SECOND
from tests.browser.visits import Visits

MOST_TABS = 30


def tab_to(page: Page, place: Locator, most: int = MOST_TABS) -> None:
    """Press Tab until a control has the focus; it has to come within so many."""
    expect(place).to_be_visible()
    for _ in range(most):
        page.keyboard.press("Tab")
        if place.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{most} times Tab do not lead to {place}")


def test_a_job_is_filled_in_started_and_read(visits: Visits) -> None:
    page = visits.page("/jobs/new?kind=command")
    keys = page.keyboard
    expect(page.get_by_label("gs-001")).to_be_visible()
    tab_to(page, page.locator('input[value="group:demo"]'))
    keys.press("End")
    expect(page.get_by_label("gs-012")).to_be_focused()
    keys.press("Space")
    keys.press("ArrowLeft")
    keys.press("Space")
    expect(page.locator(".choices-head")).to_contain_text("2 of")
    tab_to(page, page.get_by_label("Command"), 5)  # all targets are one stop
    keys.type("echo by hand")
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    run = JobPage(page, visits.up, page.url.rpartition("/")[2])
    run.completes()
    tab_to(page, run.cell("gs-011", "run"))
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.locator("reprise-output")).to_contain_text("by hand")
    tab_to(page, page.get_by_role("button", name="Close the output"))
    keys.press("Enter")
    expect(run.cell("gs-012", "run")).to_be_focused()


def test_a_gate_is_answered(visits: Visits) -> None:
    up = visits.up
    job = up.submit("test-careful", servers=up.servers[:2])
    page = visits.page(f"/jobs/{job}", who=SECOND)
    tab_to(page, page.get_by_role("button", name="Approve"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason, for the history")).to_be_focused()
    page.keyboard.type("looks well")
    page.keyboard.press("Enter")
    expect(page.locator(".job-head-status")).to_have_text("succeeded")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    assert page.evaluate("document.activeElement !== document.body")
    assert up.rows.events(job, "job.approved")[0]["data"]["reason"] == "looks well"


def test_a_schedule_is_made(visits: Visits) -> None:
    page = visits.page("/schedules/new?kind=version-update")
    keys = page.keyboard
    tab_to(page, page.get_by_label("Name", exact=True))
    keys.type("by-keyboard")
    tab_to(page, page.get_by_label("gs-001"))
    keys.press("Space")
    tab_to(page, page.get_by_label("When"))
    keys.type("30 3 * * 1-5")
    tab_to(page, page.get_by_label("On", exact=True))
    keys.press("Space")  # not now
    tab_to(page, page.get_by_role("button", name="Add schedule"))
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/schedules$"))
    expect(page.locator("main")).to_contain_text("by-keyboard")


def test_the_matrix_is_walked_by_arrows_and_enter_opens_the_output(
    visits: Visits, finished: str
) -> None:
    run = JobPage.open(visits.page(), visits.up, finished)
    first, second = visits.up.servers[:2]
    expect(run.cell(second, "undrain")).to_have_class(re.compile("is-succeeded"))
    keys, output = run.page.keyboard, run.page.locator("reprise-output")

    keys.press("j")
    expect(run.cell(first, "preflight")).to_be_focused()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    expect(run.cell(first, "fetch")).to_be_focused()
    keys.press("ArrowDown")
    expect(run.cell(second, "fetch")).to_be_focused()
    keys.press("ArrowLeft")
    keys.press("ArrowUp")
    expect(run.cell(first, "drain")).to_be_focused()

    keys.press("Enter")
    expect(output.get_by_role("heading")).to_have_text(first)
    expect(output.get_by_label("Step")).to_have_value("drain")
    expect(output).to_contain_text("no players left")
    expect(run.page).to_have_url(re.compile(f"#matrix/{first}/drain$"))
    keys.press("Escape")
    expect(output).to_have_count(0)
    expect(run.cell(first, "drain")).to_be_focused()


def test_an_address_leads_to_the_step_that_was_open(visits: Visits, finished: str) -> None:
    name = visits.up.servers[0]
    page = visits.page(f"/jobs/{finished}#matrix/{name}/switch")
    expect(page.locator("reprise-output")).to_contain_text("current:")
    page.get_by_role("tab", name="Matrix").focus()
    page.keyboard.press("ArrowRight")
    timeline = page.get_by_role("tab", name="Timeline")
    expect(timeline).to_be_focused()
    expect(timeline).to_have_attribute("aria-selected", "true")
    expect(page.locator("reprise-timeline")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("reprise-log")).to_contain_text("no players left")
    expect(page).to_have_url(re.compile("#log$"))


def test_the_list_of_jobs_is_walked_and_searched_by_keys(visits: Visits, finished: str) -> None:
    up = visits.up
    up.submit("load", events=1, steps=1)
    page = visits.page("/")
    links = page.locator(".job-link")
    expect(links.nth(1)).to_be_visible()
    press = page.keyboard.press
    press("j")
    expect(links.nth(0)).to_be_focused()
    press("j")
    expect(links.nth(1)).to_be_focused()
    press("k")
    expect(links.nth(0)).to_be_focused()

    press("?")
    help = page.get_by_role("dialog", name="Keys of this page")
    expect(help).to_contain_text("Next job")
    press("Escape")
    expect(help).to_have_count(0)

    press("/")
    expect(page.get_by_label("Search titles")).to_be_focused()
    page.keyboard.type(f"{finished}")
    expect(links).to_have_count(1)
    expect(page).to_have_url(f"{up.url}/?text={finished}")
    press("Tab")
    expect(links.first).to_be_focused()
    press("Enter")
    expect(page).to_have_url(f"{up.url}/jobs/{finished}")


def test_a_step_is_opened_from_the_timeline(visits: Visits, finished: str) -> None:
    name = visits.up.servers[0]
    page = visits.page(f"/jobs/{finished}")
    page.get_by_role("tab", name="Timeline").click()
    preflight = page.get_by_role("button", name=f"{name}, preflight: succeeded")
    tab_to(page, preflight, 3)  # all bars are one stop
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name=f"{name}, drain: succeeded")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("reprise-output")).to_contain_text("no players left")
