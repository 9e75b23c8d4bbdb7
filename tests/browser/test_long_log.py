"""A log of many pages: opened at its end and anywhere, filtered, searched, copied, downloaded."""

from __future__ import annotations

import re
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.acceptance.up import Up
from tests.browser.job_page import JobPage
from tests.browser.test_log import LogPage
from tests.browser.visits import Visits
from tests.support.waiting import until

EVENTS, STEPS, BYTES = 12_000, 4, 40
MOST_ROWS = 1000
PAGES = re.compile(r"/api/jobs/[^/]+/pages/")
OPEN: dict[str, Any] = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture(scope="module")
def long_job(up: Up) -> str:
    """A job of 12,000 lines in four steps, that is over."""
    job = up.submit("load", events=EVENTS, steps=STEPS, bytes=BYTES)
    until(lambda: up.rows.has_ended(job), "the end of the job")
    return job


def line(number: int) -> str:
    """Return the text of a line of the job."""
    return f"{number} ".ljust(BYTES, "x")[: BYTES - 1]


def opened(visits: Visits, job: str, hash_: str = "#log") -> LogPage:
    """Open the log of a job."""
    page = visits.context(**OPEN).new_page()
    page.goto(f"/jobs/{job}{hash_}")
    return LogPage(page)


def seq_of(up: Up, job: str, number: int) -> int:
    """Return the event that has a line of the job."""
    text = f'%"text":"{number} x%'
    [(seq,)] = up.rows.all("select seq from jobs_event where job = %s and text like %s", job, text)
    return int(seq)


def go_to(page: Page, place: str) -> None:
    """Press `g` and name a place."""
    page.keyboard.press("g")
    dialog = page.get_by_role("dialog", name="Go to")
    dialog.get_by_role("textbox").fill(place)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)


def in_view(row: Locator) -> None:
    """Expect a row to be marked and to be looked at."""
    expect(row).to_have_class(re.compile("is-marked"))
    expect(row).to_be_in_viewport()


def test_it_opens_at_its_end_with_few_pages(visits: Visits, long_job: str) -> None:
    page = visits.context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    run = JobPage.open(page, visits.up, f"{long_job}#log")
    expect(page.locator(".line").last).to_contain_text("Succeeded: Done.")
    expect(page.locator(".line").last).to_be_in_viewport()
    expect(run.connection).to_contain_text("every event is here")
    head, last = (page.locator(each).last.bounding_box() for each in (".log-head", ".line"))
    assert head is not None
    assert last is not None
    assert head["y"] < last["y"]  # it sticks to the top, above its lines
    assert page.locator(".line").count() < MOST_ROWS
    assert len([url for url in asked if PAGES.search(url)]) <= 4
    assert not [url for url in asked if "/stream" in url]


def test_every_place_is_a_link_and_a_key_away(visits: Visits, long_job: str) -> None:
    up = visits.up
    log = opened(visits, long_job, f"#log/{seq_of(up, long_job, 6000)}")
    here = log.row(str(seq_of(up, long_job, 6000)))
    in_view(here)
    expect(here.locator(".line-text")).to_have_text(line(6000))

    first = seq_of(up, long_job, 900)
    go_to(log.page, str(first))
    in_view(log.row(str(first)))
    expect(log.page).to_have_url(re.compile(f"#log/{first}$"))
    log.page.keyboard.press("f")
    expect(log.page.locator(".line").last).to_be_in_viewport()
    expect(log.page.locator(".line").last).to_contain_text("Succeeded: Done.")

    [(at,)] = up.rows.all(
        "select to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        " from jobs_event where job = %s and seq = %s",
        long_job, first,
    )  # fmt: skip
    go_to(log.page, at)
    expect(log.page.locator(".line.is-marked")).to_be_in_viewport()
    [marked] = re.findall(r"\d+$", log.page.url)
    assert first - 200 <= int(marked) <= first  # a burst of events has one moment

    log.page.keyboard.press("g")
    dialog = log.page.get_by_role("dialog", name="Go to")
    dialog.get_by_role("textbox").fill("999999")
    log.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("There is no such place in this log.")


def test_a_range_over_pages_is_copied_and_all_is_downloaded(visits: Visits, long_job: str) -> None:
    up = visits.up
    first, last = (seq_of(up, long_job, number) for number in (500, 2600))
    log = opened(visits, long_job, f"#log/{first}-{last}")
    in_view(log.row(str(first)))
    numbers = range(500, 2601)
    assert log.copied() == "".join(f"{line(number)}\n" for number in numbers)
    page = opened(visits, long_job)
    expect(page.page.locator(".line").last).to_contain_text("Succeeded: Done.")
    whole = "".join(f"{line(number)}\n" for number in range(EVENTS))
    assert page.downloaded() == f"{whole}Succeeded: Done.\n"


def test_it_is_filtered_by_target_and_step(visits: Visits, long_job: str) -> None:
    log = opened(visits, long_job)
    expect(log.page.locator(".line").last).to_contain_text("Succeeded: Done.")
    log.page.get_by_label("Target", exact=True).fill("part-2")
    each = EVENTS // STEPS
    expect(log.page.locator(".line").last).to_contain_text(f" {2 * each - 1} ".strip())
    assert {text.split(" ")[0] for text in log.page.locator(".line-from").all_text_contents()} == {
        "part-2"
    }
    assert log.copied() == "".join(f"{line(number)}\n" for number in range(each, 2 * each))
    log.page.get_by_role("button", name="Failures only").click()
    expect(log.page.locator(".log-empty")).to_be_visible()
    log.page.get_by_role("button", name="Show all").click()
    expect(log.page.locator(".line").last).to_contain_text("Succeeded: Done.")


def test_a_step_is_folded_and_its_lines_are_copied_all_the_same(
    visits: Visits, finished: str
) -> None:
    server = visits.up.servers[0]
    log = opened(visits, finished)
    head = log.page.get_by_role("button", name=re.compile(f"{server} › drain"))
    expect(head).to_contain_text(re.compile(r"\d\ss · \d+\slines"))
    whole = log.copied()
    text = log.page.get_by_text("no players left").first
    expect(text).to_be_visible()
    before = log.page.locator(".line-text").count()
    log.page.locator(".log-scroll").evaluate("(log) => log.scrollTo(0, 0)")  # no head on another
    head.click()
    expect(head).to_have_attribute("aria-expanded", "false")
    expect(log.page.locator(".line-from", has_text=f"{server} › drain")).to_have_count(0)
    assert log.page.locator(".line-text").count() < before
    assert log.copied() == whole
    head.click()
    expect(text).to_be_visible()


def test_hits_come_from_the_whole_log(visits: Visits, long_job: str) -> None:
    log = opened(visits, long_job)
    log.search.fill("777 x")
    hits = log.page.locator(".log-hits")
    expect(hits).to_have_text("1 of 12")  # 777, 1777 … 11777
    now = log.page.locator(".line.is-now .line-text")
    expect(now).to_have_text(line(777))
    expect(now).to_be_in_viewport()
    log.search.press("Enter")
    expect(hits).to_have_text("2 of 12")
    expect(now).to_have_text(line(1777))
    log.search.press("Shift+Enter")
    log.search.press("Shift+Enter")
    expect(hits).to_have_text("12 of 12")
    expect(now).to_have_text(line(11_777))
    log.search.fill("nowhere to be found")
    expect(hits).to_have_text("none")


def test_it_says_that_all_is_here_only_once_the_lines_are(visits: Visits, long_job: str) -> None:
    context, open_ = visits.context(), Event()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if open_.is_set():
            route.continue_()
        else:
            held.append(route)

    context.route(PAGES, hold)
    page = context.new_page()
    run = JobPage.open(page, visits.up, f"{long_job}#log")
    expect(page.locator(".line").last).to_contain_text("Succeeded: Done.")
    expect(run.connection).to_contain_text("complete over ")
    expect(run.connection).not_to_contain_text("every event is here")
    open_.set()
    for route in held:
        route.continue_()
    expect(run.connection).to_contain_text("every event is here")
    scroller = page.locator(".log-scroll")
    scroller.evaluate("element => element.scrollTo(0, 0)")
    expect(page.locator(".line").first.locator(".line-text")).to_have_text(line(0))
