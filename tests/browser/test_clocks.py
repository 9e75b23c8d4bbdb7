"""Pages count by the server's clock, stand still while offline, and need no storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.acceptance.up import Up
from tests.browser.job_page import JobPage
from tests.browser.visits import Visits
from tests.support.waiting import until

CUT_OFF = r"WebSocket connection to|/stream|/events\?|net::ERR_"
SKEWED = """
(() => {
  const Real = Date, by = HOURS * 3600000;
  globalThis.Date = class extends Real {
    constructor(...parts) { super(...(parts.length ? parts : [Real.now() + by])); }
    static now() { return Real.now() + by; }
  };
})();
"""
DENIED = {
    "denied": "throw new DOMException('Access is denied for this document.', 'SecurityError')",
    "absent": "return null",
    "full": """return {getItem: () => null, removeItem() {},
      setItem() { throw new DOMException('Exceeded.', 'QuotaExceededError'); }}""",
}
DENY = """
for (const area of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) {
  Object.defineProperty(window, area, {configurable: true, get() { HOW }});
}
"""
PASSED: LiteralString = "select clock_timestamp() - %s > %s * interval '1 second'"
MINUTES_OF_A_DAY = 24 * 60
AS_OF = re.compile(r"as of \d\d:\d\d:\d\d")
SOME_SECONDS = re.compile(r"\b([2-9]|[1-4]\d)\ss\b")  # and neither none nor hours


@pytest.fixture
def running(visits: Visits, tmp_path: Path) -> Iterator[str]:
    """A job that goes on until the test is over."""
    up = visits.up
    job = up.submit("test-careful", servers=up.servers[:1], hold=str(tmp_path / "never"))
    until(lambda: up.rows.events(job, "step.output") and up.rows.is_fed(job), "the first step")
    yield job
    with up.client() as client:
        client.post(f"/api/jobs/{job}/cancel")


def row(page: Page, job: str) -> Locator:
    return page.locator("tr.job").filter(has=page.locator(f'a[href="/jobs/{job}"]'))


def let_seconds_pass(up: Up, seconds: int) -> None:
    """Wait until the database's clock has gone on."""
    [(then,)] = up.rows.all("select clock_timestamp()")
    until(lambda: up.rows.all(PASSED, then, seconds) == [(True,)], "the clock")


@pytest.mark.parametrize("hours", [5, -5])
def test_a_reader_whose_clock_is_hours_off_sees_true_times(
    visits: Visits, running: str, hours: int
) -> None:
    context = visits.context()
    context.add_init_script(SKEWED.replace("HOURS", str(hours)))
    page = context.new_page()
    run = JobPage.open(page, visits.up, running)
    expect(run.connection).to_contain_text("live over")
    expect(run.head.locator(".job-elapsed")).to_have_text(SOME_SECONDS)
    expect(run.cell(visits.up.servers[0], "touch")).to_contain_text(SOME_SECONDS)
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".timeline-row .number").last).to_contain_text(SOME_SECONDS)
    expect(page.locator(".timeline-bars rect").first).to_have_attribute(
        "width", re.compile(r"^\d{2}")
    )
    page.goto("/")
    expect(row(page, running).locator(".job-duration")).to_have_text(SOME_SECONDS)
    expect(row(page, running).locator(".job-when")).to_have_text(
        re.compile(r"just now|\d\s[sm] ago")
    )


@pytest.mark.parametrize("hours", [0, 5])
def test_an_offline_page_says_as_of_when_and_stops_its_clocks(
    visits: Visits, running: str, hours: int
) -> None:
    visits.watch.allow(CUT_OFF)
    context, up = visits.context(), visits.up
    context.add_init_script(SKEWED.replace("HOURS", str(hours)))
    page = context.new_page()
    run = JobPage.open(page, up, running)
    elapsed, total = run.head.locator(".job-elapsed"), page.locator(".matrix-total").first
    expect(run.connection).to_contain_text("live over")
    expect(elapsed).to_have_text(SOME_SECONDS)
    expect(total).not_to_be_empty()  # the matrix is drawn a moment after the head
    context.set_offline(True)
    expect(run.connection).to_contain_text(AS_OF)
    [(clock,)] = up.rows.all("select to_char(clock_timestamp() at time zone 'UTC', 'HH24:MI')")
    stood = (elapsed.inner_text(), total.inner_text(), run.connection.inner_text())
    shown = AS_OF.findall(stood[2])[0]
    assert (minutes(clock) - minutes(shown[6:11])) % MINUTES_OF_A_DAY in (0, 1)
    let_seconds_pass(up, 3)
    assert (elapsed.inner_text(), total.inner_text()) == stood[:2]
    assert AS_OF.findall(run.connection.inner_text()) == [shown]
    context.set_offline(False)
    expect(run.connection).to_contain_text("live over")
    expect(run.connection).not_to_contain_text("as of")
    expect(elapsed).not_to_have_text(stood[0])


def test_an_offline_list_says_as_of_when_and_stops_its_clocks(visits: Visits, running: str) -> None:
    visits.watch.allow(CUT_OFF)
    context, up = visits.context(), visits.up
    page = context.new_page()
    page.goto("/")
    connection, duration = page.locator(".connection"), row(page, running).locator(".job-duration")
    expect(connection).to_contain_text("live over WebSocket")
    expect(duration).to_have_text(SOME_SECONDS)
    context.set_offline(True)
    expect(connection).to_contain_text(AS_OF)
    stood = duration.inner_text()
    let_seconds_pass(up, 3)
    assert duration.inner_text() == stood
    context.set_offline(False)
    expect(connection).to_contain_text("live over WebSocket")
    expect(connection).not_to_contain_text("as of")
    expect(duration).not_to_have_text(stood)


@pytest.mark.parametrize("how", sorted(DENIED))
def test_every_page_works_where_storage_is_denied(visits: Visits, running: str, how: str) -> None:
    context, up = visits.context(), visits.up
    context.add_init_script(DENY.replace("HOW", DENIED[how]))
    page = context.new_page()
    run = JobPage.open(page, up, running)
    expect(run.connection).to_contain_text("live over WebSocket")
    run.cell(up.servers[0], "touch").click()
    expect(page.locator("reprise-output")).to_contain_text(f"touch {up.servers[0]}")
    page.get_by_role("separator", name="Height of the output").press("ArrowUp")
    log_keeps_its_choices(page)
    run.page.get_by_role("tab", name="Log").click()
    expect(page.locator("reprise-log .log-lines")).to_contain_text(f"touch {up.servers[0]}")
    opens_every_other_page(context)


def log_keeps_its_choices(page: Page) -> None:
    wrap = page.locator("reprise-output").get_by_role("button", name=re.compile("wrap", re.I))
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")


def opens_every_other_page(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/")
    expect(page.locator(".connection")).to_contain_text("live over WebSocket")
    page.goto("/jobs/new?kind=command")
    expect(page.get_by_role("button", name="Start job")).to_be_visible()
    page.goto("/history")
    expect(page.locator(".history-job").first).to_be_visible()


def minutes(clock: str) -> int:
    """Return the minutes since midnight of `14:03`."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)
