"""The head of a job: three rows, its details, and where the keyboard's focus goes."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.job_page import JobPage
from tests.browser.people import SECOND
from tests.browser.visits import Visits

MOST_PX = 200
LINE = "uptime && echo 'all well'"


def tabs_top(page: Page) -> int:
    return int(page.evaluate("document.querySelector('.tabs').getBoundingClientRect().top"))


def test_the_head_has_three_rows_and_says_when_in_the_readers_zone(
    visits: Visits, finished: str
) -> None:
    page = visits.page(f"/jobs/{finished}", timezone_id="Europe/Berlin")
    run = JobPage(page, visits.up, finished)
    run.completes()
    expect(run.head).to_contain_text("2 succeeded · 0 left")
    expect(run.head).to_contain_text("by demo, by token")
    expect(run.head).to_contain_text(re.compile(r"started \d+\s\w+ \d\d:\d\d CES?T"))
    started = run.head.locator("reprise-time").last
    expect(started).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d .* UTC$"))
    expect(run.head.get_by_role("progressbar", name="Progress")).to_be_visible()
    progress, line = run.head.locator(".job-counts").bounding_box(), run.connection.bounding_box()
    assert progress
    assert line
    assert line["x"] > progress["x"]
    assert abs(line["y"] - progress["y"]) < 10
    assert tabs_top(page) <= MOST_PX


def test_the_details_say_what_a_job_was_submitted_with(visits: Visits) -> None:
    up = visits.up
    wish = {
        "kind": "command",
        "params": {"targets": ["gs-001"], "command": LINE},
        "labels": {"ticket": "OPS-7"},
        "priority": 3,
    }
    with up.client() as client:
        job = str(client.post("/api/jobs", json=wish).raise_for_status().json()["id"])
    context = visits.context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    run = JobPage.open(page, up, job)
    run.completes()
    details, summary = page.locator(".job-details"), page.get_by_text("Details", exact=True)
    summary.click()
    expect(details.get_by_text("ticket=OPS-7")).to_be_visible()
    expect(details.locator("dt", has_text="Priority").locator("+ dd")).to_have_text("3")
    expect(details.locator("dt", has_text="Team").locator("+ dd")).to_have_text("game-operations")
    expect(details.locator("dt", has_text="command").locator("+ dd")).to_have_text(LINE)
    details.get_by_role("button", name="Copy command").click()
    expect(details.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == LINE
    page.keyboard.press("Escape")
    expect(details.get_by_text("ticket=OPS-7")).to_be_hidden()
    expect(summary).to_be_focused()


def test_the_focus_stays_in_the_page_when_what_had_it_goes(visits: Visits) -> None:
    up = visits.up
    up.fleet.fail("gs-001", "fetch", how="hang")
    run = JobPage.open(visits.page(), up, up.update(up.other_version(), ["gs-001"]))
    page, cell = run.page, run.cell("gs-001", "drain")
    expect(run.cell("gs-001", "fetch")).to_have_class(re.compile("is-running"))
    cell.click()
    page.get_by_role("button", name="Close the output").click()
    expect(page.locator("reprise-output")).to_have_count(0)
    expect(cell).to_be_focused()

    run.stop_button.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
    expect(run.status).to_have_text("cancelled")
    expect(run.stop_button).to_have_count(0)
    expect(run.head.get_by_role("heading")).to_be_focused()


def test_a_gate_says_what_to_do_next(visits: Visits) -> None:
    up = visits.up
    job = up.submit("test-careful", servers=up.servers[:2])
    mine = visits.page(f"/jobs/{job}")
    expect(mine.locator(".gate")).to_contain_text("Send the address of this page to somebody")
    other = visits.page(f"/jobs/{job}", who=SECOND)
    expect(other.locator(".gate")).to_contain_text("Approve to let the run go on, or reject")


def test_a_failed_canary_says_what_to_do_next(visits: Visits) -> None:
    up = visits.up
    up.fleet.fail("gs-001", "preflight")
    job = up.update(up.other_version(), up.servers[:3], canary=1, max_failures=2)
    run = JobPage.open(visits.page(), up, job)
    expect(run.ended).to_contain_text("The canary failed, so nothing else was touched: open gs-001")


def test_on_a_wide_screen_output_opens_beside_the_matrix(visits: Visits, finished: str) -> None:
    page = visits.page(viewport={"width": 1600, "height": 900})
    run = JobPage.open(page, visits.up, finished)
    run.completes()
    run.cell(visits.up.servers[0], "health").click()
    output, matrix = page.locator("reprise-output"), page.locator("reprise-matrix")
    expect(output).to_be_visible()
    beside, pane = matrix.bounding_box(), output.bounding_box()
    assert beside
    assert pane
    assert pane["y"] == beside["y"]
    assert pane["x"] >= beside["x"] + beside["width"]
    assert 0.42 < pane["width"] / 1600 < 0.47
    page.set_viewport_size({"width": 1920, "height": 900})
    assert page.locator(".tabs").evaluate("(tabs) => tabs.offsetWidth") == 1920
