"""The pages at the width of a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.job_page import JobPage
from tests.browser.visits import PHONE, Visits

# What is there once a page has drawn what it is for.
DRAWN = {
    "/": ".job-link",
    "/jobs/new": "text=Version update",
    "/jobs/new?kind=version-update": "text=Batch size",
    "/history": ".history-job",
}
OVERFLOW = "document.scrollingElement.scrollWidth - innerWidth"


def fits(page: Page) -> None:
    """Nothing may stick out sideways."""
    page.wait_for_load_state()
    assert page.evaluate(OVERFLOW) <= 0, page.url
    assert page.evaluate("innerWidth") == PHONE["viewport"]["width"], page.url


def test_a_job_becomes_a_list_of_servers(visits: Visits, finished: str) -> None:
    page = visits.page(**PHONE)
    run = JobPage.open(page, visits.up, finished)
    rows = page.locator(".matrix-line")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("done")
    expect(run.connection).to_contain_text("complete over")
    fits(page)
    rows.first.tap()
    expect(page.locator("reprise-output")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Close the output").tap()
    for tab in ("Timeline", "Log", "Events"):
        page.get_by_role("tab", name=tab).tap()
        expect(page.locator(f"#panel-{tab.lower()}")).to_be_visible()
        fits(page)
    run.shows_everything()


@pytest.mark.parametrize("path", DRAWN)
@pytest.mark.usefixtures("finished")
def test_no_page_is_wider_than_the_screen(visits: Visits, path: str) -> None:
    page = visits.page(path, **PHONE)
    expect(page.locator("main").locator(DRAWN[path]).first).to_be_visible()
    fits(page)


def test_the_way_in_fits_too(visits: Visits) -> None:
    visits.watch.allow(r"status of 404 .*/nowhere\]")
    page = visits.page("/sign-in", who=None, **PHONE)
    fits(page)
    page.goto("/nowhere")
    fits(page)
