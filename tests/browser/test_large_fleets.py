"""Ten thousand targets on the page and in the form: no more is drawn than can be looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.job_page import JobPage
from tests.browser.kinds import MANY
from tests.browser.visits import Visits

MOST_NODES = 8000


def nodes(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def test_the_page_of_ten_thousand_targets_holds_what_is_near_the_view(visits: Visits) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    wish = {"kind": "test-many", "params": {"hosts": MANY}, "start_at": later}
    with visits.up.client() as client:
        answer = client.post("/api/jobs", json=wish)
    assert answer.status_code == 201, answer.text
    run = JobPage.open(visits.page(), visits.up, answer.json()["id"])
    matrix = run.page.locator("reprise-matrix")
    show = matrix.get_by_role("group", name="Which servers")
    expect(show.get_by_role("button", name="All")).to_contain_text("10,000")
    assert nodes(run.page) < MOST_NODES
    matrix.get_by_label("Order of the servers").select_option("Failed first")
    rows = matrix.locator(".matrix-rows > [role=row]")
    expect(rows.first).to_have_attribute("data-target", MANY[0])
    assert nodes(run.page) < MOST_NODES

    to_end = "(element) => { element.scrollTop = element.scrollHeight }"
    matrix.locator(".matrix").evaluate(to_end)
    expect(rows.last).to_have_attribute("data-target", MANY[-1])
    expect(rows.last).to_have_attribute("aria-rowindex", "10000")
    assert nodes(run.page) < MOST_NODES

    matrix.get_by_role("searchbox", name="Find a server").fill(MANY[5000])
    expect(rows).to_have_count(1)
    expect(rows).to_have_attribute("data-target", MANY[5000])


def test_the_form_draws_some_of_ten_thousand_targets_and_takes_all(visits: Visits) -> None:
    page = visits.page("/jobs/new?kind=test-many")
    head, boxes = page.locator(".choices-head"), page.locator(".choice")
    expect(head).to_contain_text("0 of 10,000 chosen")
    expect(boxes).to_have_count(300)
    page.get_by_label("Find in").fill(MANY[-1])
    expect(boxes).to_have_count(1)
    page.get_by_label(MANY[-1]).check()
    expect(head).to_contain_text("1 of 10,000 chosen")
    page.get_by_label("Find in").fill("")
    expect(boxes).to_have_count(301)  # what is chosen is always there
    page.get_by_role("button", name="All", exact=True).click()
    expect(head).to_contain_text("10,000 of 10,000 chosen")
    expect(page.locator(".new-job-plan")).to_contain_text("10000 hosts, one by one.")
    expect(page.locator(".plan-groups > li")).to_have_count(100)
    assert nodes(page) < MOST_NODES
