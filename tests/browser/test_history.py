"""The history page: every event, read, filtered and paged without JavaScript."""

from __future__ import annotations

import re
from typing import Literal

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.up import Up
from tests.browser.event_lines import Line, expected
from tests.browser.visits import Visits
from tests.support.waiting import until

DAY = re.compile(r"^\d{4}-\d\d-\d\d ")


def fed(up: Up, job: str) -> str:
    """Wait until the feed has all of a job that is over; return the job."""
    until(lambda: up.rows.has_ended(job), "the end of the job")
    until(lambda: up.rows.is_fed(job), "the feed of the job")
    return job


def shown(page: Page) -> list[Line]:
    """Return the lines of the page, in its order."""
    lines = page.locator(".history summary.event-line").all()
    cells = [[cell.strip() for cell in line.locator("> *").all_text_contents()] for line in lines]
    return [Line(DAY.sub("", at), *rest) for at, *rest in cells]


def field(page: Page, name: str) -> Locator:
    """Return a field of the filters."""
    return page.locator(f".filters [name={name}]")


def followed(page: Page, role: Literal["button", "link"], name: str) -> None:
    """Go where a button or a link leads, and wait until the whole of that page is there.

    An address is the new one as soon as the first bytes are, when half of the lines may be missing.
    """
    with page.expect_navigation():
        page.get_by_role(role, name=name).click()


def plain(visits: Visits, path: str) -> Page:
    """Return a page without JavaScript."""
    return visits.page(path, java_script_enabled=False)


def test_a_job_reads_page_by_page(visits: Visits) -> None:
    up = visits.up
    job = fed(up, up.submit("load", events=120, steps=2, bytes=40))
    newest_first = [expected(text) for text in reversed(up.rows.texts(job))]
    page = plain(visits, "/history?kind=load")
    expect(page.locator(".history-job").first).to_contain_text("Load of 120 events")

    field(page, "job").fill(job)
    field(page, "type").select_option("everything")
    followed(page, "button", "Filter")
    expect(page).to_have_url(re.compile(f"job={job}.*type=everything"))
    first = shown(page)
    assert first == newest_first[:100]

    followed(page, "link", "Older")
    expect(page.get_by_text("This is where the history begins.")).to_be_visible()
    assert first + shown(page) == newest_first
    followed(page, "link", "Newer")
    assert shown(page) == first


def test_filters_narrow_down_and_are_kept_in_the_address(visits: Visits, finished: str) -> None:
    texts = visits.up.rows.texts(finished)
    kept = [one for one in map(expected, reversed(texts)) if is_no_output(texts, one)]
    page = plain(visits, f"/history?job={finished}")
    assert shown(page) == kept

    field(page, "type").select_option("step.succeeded")
    followed(page, "button", "Filter")
    assert shown(page) == [one for one in kept if " succeeded in " in one.what]
    expect(field(page, "type")).to_have_value("step.succeeded")
    expect(field(page, "job")).to_have_value(finished)

    field(page, "type").select_option("")
    field(page, "actor").fill("nobody")
    followed(page, "button", "Filter")
    expect(page.get_by_role("heading", name="No event matches")).to_be_visible()
    followed(page, "link", "Clear filters")
    expect(page).to_have_url(f"{visits.up.url}/history")

    page.goto("/history?job=nonsense")
    expect(page.locator(".form-error")).to_contain_text("This filter is not applied.")
    expect(field(page, "job")).to_have_value("nonsense")


def test_the_raw_event_is_one_click_away(visits: Visits, finished: str) -> None:
    submitted = visits.up.rows.texts(finished)[0].decode()
    page = plain(visits, f"/history?job={finished}&type=job.submitted")
    event = page.locator("details.event")
    expect(event).to_have_count(1)
    expect(event.locator(".raw")).to_be_hidden()
    event.locator("summary").click()
    expect(event.locator(".raw")).to_be_visible()
    assert event.locator(".raw").text_content() == submitted

    followed(page, "link", "Open job")
    expect(page).to_have_url(f"{visits.up.url}/jobs/{finished}")
    # Switched off by the debugger only, so that Chromium keeps <noscript> out of sight.
    assert "needs JavaScript" in (page.locator("noscript").text_content() or "")
    expect(page.locator("noscript a")).to_have_attribute("href", f"/history?job={finished}")


def is_no_output(texts: list[bytes], line: Line) -> bool:
    """Return whether a line is of an event that is shown without asking for everything."""
    text = texts[int(line.seq) - 1]
    quiet = (b"step.output", b"step.progressed", b"job.progressed")
    return not any(b'"type":"%s"' % type_ in text for type_ in quiet)
