"""axe finds nothing, on any page, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.job_page import JobPage
from tests.browser.people import NEWCOMER, SECOND, VIEWER
from tests.browser.visits import Visits
from tests.support.axe import OF_COLOURS, violations
from tests.support.waiting import until

SIZES: tuple[ViewportSize, ...] = ({"width": 1280, "height": 860}, {"width": 390, "height": 844})
NARROW: ViewportSize = {"width": 320, "height": 640}  # where nothing may need two scrollbars
# Of the console: address and what it says, as somebody who may open them all.
CONSOLE = {
    "/targets": "gs-001",
    "/inventory/new": "Name",
    "/schedules": "Schedules",
    "/schedules/week": "Week of",
    "/schedules/new": "Version update",
    "/schedules/new?kind=version-update": "Batch size",
    "/people": "demo",
    "/people/new": "User name",
    "/teams": "Game operations",
    "/teams/new": "Name",
    "/credentials": "Credentials",
    "/credentials/new": "Name",
    "/webhooks": "Webhooks",
    "/help": "Help",
    "/targets/gs-001": "gs-001",
    "/kinds/version-update": "Version update",
    "/history?kind=system": "System log",
}
KINDS = ("version-update", "command", "load", "test-forms", "test-many")


def holds(
    page: Page, *, sizes: tuple[ViewportSize, ...] = SIZES, within: str | None = None
) -> None:
    """Assert that axe finds nothing in the page, whatever the width and the colours."""
    found: list[str] = []
    for size in sizes:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="light")
        found += violations(page, within=within)
        page.emulate_media(color_scheme="dark")
        found += violations(page, rules=OF_COLOURS, within=within)
    assert not found, "\n".join([page.url, *found])
    page.set_viewport_size(SIZES[0])


def opens(page: Page, path: str, words: str) -> None:
    """Go to a page and wait until it has drawn something."""
    page.goto(path)
    expect(page.locator("main")).to_contain_text(words)


@pytest.fixture
def page(visits: Visits) -> Page:
    """A page of somebody signed in, in which the sizes may be changed."""
    return visits.page()


def test_pages_before_and_after_sign_in(visits: Visits, page: Page) -> None:
    visits.watch.allow(r"status of (403|404)")
    out = visits.page("/sign-in", who=None)
    expect(out.get_by_label("User name")).to_be_visible()
    holds(out)
    out.get_by_label("User name").fill("demo")
    out.get_by_label("Password").fill("wrong")
    out.get_by_role("button", name="Sign in").click()
    expect(out.locator(".notice")).to_be_visible()
    holds(out)
    for path, words in {
        "/account": "API tokens",
        "/account/notices": "You get no notices yet",
        "/account/notices/new": "Tell of",
        "/second-factor": "Authenticator app",
        "/password": "password",
        "/nothing-here": "404",
        "/jobs/new?kind=nothing": "404",
    }.items():
        opens(page, path, words)
        holds(page)
    page.goto("/account")
    page.get_by_text("New token").click()
    holds(page)
    nobody = visits.page("/jobs/new?kind=load", who=VIEWER)
    expect(nobody.locator(".state-code")).to_have_text("403")
    holds(nobody)


def test_the_list_of_jobs_and_its_menus(visits: Visits, page: Page) -> None:
    newest = visits.up.submit("load", events=1, steps=1)
    page.goto("/")
    expect(page.locator(f'main a[href="/jobs/{newest}"]').first).to_be_visible()
    holds(page, sizes=(*SIZES, NARROW))
    # An open menu lies on the page until a click beside it; what it covers in part is no fault.
    page.locator("header").get_by_text("New job").click()
    holds(page, within="header")
    page.keyboard.press("Escape")
    page.locator("header").get_by_text("demo", exact=True).click()
    holds(page, within="header")


def test_the_dialogs_of_every_page(page: Page) -> None:
    opens(page, "/help", "Help")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of this page")).to_be_visible()
    holds(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("update")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
    holds(page)


def test_lists_with_nothing_in_them(visits: Visits, page: Page) -> None:
    opens(page, "/?text=no-such-job", "No job matches")
    holds(page)
    opens(page, "/history?actor=nobody-at-all", "No event matches")
    holds(page)
    newcomer = visits.page(who=NEWCOMER)
    opens(newcomer, "/", "No jobs yet")
    holds(newcomer)


def test_the_history(page: Page, finished: str) -> None:
    opens(page, f"/history?job={finished}", "Submitted")
    page.locator("details.event").first.locator("summary").click()
    holds(page)


@pytest.mark.parametrize("path", CONSOLE)
def test_the_console(page: Page, path: str) -> None:
    opens(page, path, CONSOLE[path])
    holds(page)


def test_what_the_lists_of_the_console_lead_to(visits: Visits, finished: str, page: Page) -> None:
    for path, name in {"/people": "demo", "/teams": "Game operations"}.items():
        page.goto(path)
        page.locator("main").get_by_role("link", name=name).first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        holds(page)
    other = visits.up.submit("load", events=1, steps=1)
    opens(page, f"/jobs/{finished}/compare/{other}", "Two runs compared")
    holds(page)


@pytest.mark.parametrize("kind", KINDS)
def test_forms(page: Page, kind: str) -> None:
    opens(page, f"/jobs/new?kind={kind}", "Start job")
    holds(page)
    if kind == "version-update":
        page.get_by_label("Batch size").fill("x")
        page.get_by_role("button", name="Start job").click()
        expect(page.locator(".form-error").first).to_be_visible()
        holds(page)
        opens(page, "/jobs/new", "Choose what to run.")
        holds(page)


@pytest.fixture
def failed(visits: Visits, page: Page) -> JobPage:
    """The page at a job of three servers, one of which failed in `health`."""
    up = visits.up
    up.fleet.fail("gs-002", "health")
    job = up.update(up.other_version(), up.servers[:3], max_failures=2)
    until(lambda: up.rows.has_ended(job), "the failed job")
    run = JobPage.open(page, up, job)
    run.completes()
    return run


def test_a_job_that_has_failed(failed: JobPage) -> None:
    page = failed.page
    page.get_by_text("Details", exact=True).click()
    holds(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("Retry")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    holds(page)


def test_the_output_of_a_step_that_failed(failed: JobPage) -> None:
    failed.cell("gs-002", "health").click()
    expect(failed.page.locator("reprise-output")).to_contain_text("failed")
    holds(failed.page, sizes=(*SIZES, {"width": 1600, "height": 900}))


def test_the_tabs_of_a_job_that_has_failed(failed: JobPage) -> None:
    page = failed.page
    for tab in ("Timeline", "Log", "Events"):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(f"#panel-{tab.lower()}")).to_contain_text("gs-002")
        holds(page)


def test_wherever_the_log_is_scrolled_its_heads_can_be_hit(page: Page, finished: str) -> None:
    page.goto(f"/jobs/{finished}#log")
    expect(page.locator(".log-fold").nth(1)).to_be_visible()
    scroller = page.locator("#panel-log .log-scroll")
    found: set[str] = set()
    for top in range(0, 72, 6):  # in which heads come to lie on others
        scroller.evaluate("(element, top) => { element.scrollTop = top; }", top)
        found.update(violations(page, rules=["target-size"]))
    assert not found, "\n".join(found)


def test_a_job_that_runs_waits_and_is_cut_off(visits: Visits, page: Page) -> None:
    visits.watch.allow(r"WebSocket connection to|net::ERR_INTERNET_DISCONNECTED")
    up = visits.up
    up.fleet.fail("gs-001", "fetch", how="hang")  # the step that may take ten minutes
    job = up.update(up.other_version(), up.servers[:3])
    run = JobPage.open(page, up, job)
    expect(run.cell("gs-001", "fetch")).to_have_class(re.compile("is-running"))
    holds(page)
    waits = visits.page(f"/jobs/{up.update(up.other_version(), up.servers[:1])}")
    expect(waits.locator(".notice")).to_contain_text("held by")
    holds(waits)
    run.stop_button.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    holds(page)
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    expect(run.connection).to_contain_text("as of")
    holds(page)


def test_a_gate(visits: Visits, page: Page) -> None:
    job = visits.up.submit("test-careful", servers=visits.up.servers[:2])
    opens(page, f"/jobs/{job}", "Send the address of this page")
    holds(page)
    other = visits.page(f"/jobs/{job}", who=SECOND)
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("dialog")).to_be_visible()
    holds(other)


def test_a_thousand_targets(visits: Visits, page: Page) -> None:
    job = visits.up.submit("test-wide", targets=1000)
    run = JobPage.open(page, visits.up, job)
    run.completes()
    expect(page.locator(".is-foldable")).to_contain_text("999 succeeded")
    holds(page)
    page.locator(".is-foldable [role=rowheader]").click()
    holds(page)
    page.get_by_role("tab", name="Timeline").click()
    holds(page)


def test_progress_is_seen_where_the_readers_colours_replace_ours(page: Page, finished: str) -> None:
    page.emulate_media(forced_colors="active")
    page.goto(f"/jobs/{finished}")
    expect(page.locator(".job-counts")).to_contain_text("2 succeeded")
    shown = page.locator(".job-head .progress .done").evaluate(
        """(bar) => [getComputedStyle(bar).backgroundColor,
          getComputedStyle(document.body).backgroundColor]"""
    )
    assert shown[0] != shown[1]
    holds(page)
