"""The jobs page: live by the feed of all jobs, by asking where no WebSocket gets through."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.visits import Visits
from tests.support.waiting import until

SOCKETS = "**/ws/feed/**"


def connection(page: Page) -> Locator:
    return page.locator("reprise-jobs .connection")


def row(page: Page, job: str) -> Locator:
    return page.locator("tr.job").filter(has=page.locator(f'a[href="/jobs/{job}"]'))


def shows_its_end(page: Page, job: str, servers: int) -> None:
    expect(row(page, job)).to_have_class(re.compile("is-succeeded"))
    expect(row(page, job)).to_contain_text(f"{servers} succeeded")


def test_a_job_appears_and_its_row_moves_without_the_list_being_asked_for(visits: Visits) -> None:
    visits.watch.allow(r"ERR_FAILED \[.*/api/jobs\?")
    context, up = visits.context(), visits.up
    page = context.new_page()
    page.goto("/")
    expect(connection(page)).to_contain_text("live over WebSocket")
    job = up.update(up.other_version(), up.servers)
    expect(row(page, job)).to_be_visible()
    context.route("**/api/jobs?*", lambda route: route.abort())
    shows_its_end(page, job, len(up.servers))


def test_where_no_socket_gets_through_the_page_says_so_and_asks(visits: Visits) -> None:
    context, up = visits.context(), visits.up
    context.route_web_socket(SOCKETS, lambda socket: socket.close(code=1011))
    page = context.new_page()
    page.goto("/")
    expect(connection(page)).to_contain_text("no WebSocket gets through here")
    job = up.update(up.other_version(), up.servers[:2])
    shows_its_end(page, job, 2)


def test_after_a_cut_the_list_catches_up_and_says_that_it_has(visits: Visits) -> None:
    context, up = visits.context(), visits.up
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    context.route_web_socket(SOCKETS, pass_on)
    page = context.new_page()
    page.goto("/")
    expect(connection(page)).to_contain_text("live over WebSocket")
    sockets[-1].close(code=1011)
    job = up.update(up.other_version(), up.servers[:2])
    expect(connection(page)).to_contain_text("resumed at")
    shows_its_end(page, job, 2)
    assert len(sockets) > 1


def test_a_row_says_who_how_many_and_why_it_waits(visits: Visits) -> None:
    up = visits.up
    up.fleet.fail("gs-001", "preflight")
    failed = up.update(up.other_version(), up.servers[:2], max_failures=2, canary=0)
    until(lambda: up.rows.has_ended(failed), "the failed job")
    waits = up.submit("test-careful", servers=up.servers[:2])
    page = visits.page("/")
    expect(row(page, failed).locator(".job-number")).to_have_text(["1 succeeded", "1 failed"])
    expect(row(page, failed)).to_contain_text("demo, by token")
    expect(row(page, waits)).to_contain_text("waits for approval at the gate “canary”")
    expect(page.get_by_role("button", name=re.compile(r"^Failed \d+"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"^Waiting \d+"))).to_be_visible()
    for cell in row(page, failed).locator("td:is(.job-status, .job-by, .job-progress)").all():
        assert cell.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth")
