"""The pages by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits


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
