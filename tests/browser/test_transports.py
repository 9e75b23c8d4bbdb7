"""Where a network lets only some transports through, the page finds one and names it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits

SOCKETS, STREAMS = "**/ws/jobs/**", "**/api/jobs/*/stream?*"
REFUSED = r"ERR_FAILED \[.*/stream\?"
EVENT_STREAM, OCTETS = "text/event-stream", "application/octet-stream"

Block = Callable[[BrowserContext], None]


def closed_sockets(context: BrowserContext) -> None:
    """End every WebSocket before its first frame."""
    context.route_web_socket(SOCKETS, lambda socket: socket.close(code=1011))


def silent_sockets(context: BrowserContext) -> None:
    """Open every WebSocket and say nothing, as some proxies do."""
    context.route_web_socket(SOCKETS, lambda socket: socket.on_message(lambda _: None))


def refused(*types: str) -> Block:
    """Let no answer of these types through from where the streams are."""

    def judge(route: Route) -> None:
        if route.request.headers["accept"] in types:
            route.abort()
        else:
            route.continue_()

    def block(context: BrowserContext) -> None:
        context.route(STREAMS, judge)

    return block


@pytest.mark.parametrize(
    ("blocks", "left"),
    [
        ([], "WebSocket"),
        ([closed_sockets], "SSE"),
        ([silent_sockets], "SSE"),
        ([closed_sockets, refused(EVENT_STREAM)], "octet stream"),
        ([closed_sockets, refused(EVENT_STREAM, OCTETS)], "long poll"),
    ],
    ids=["nothing", "sockets", "silent sockets", "event streams too", "all streams"],
)
def test_with_some_blocked_the_page_follows_over_the_next(
    visits: Visits, blocks: list[Block], left: str
) -> None:
    visits.watch.allow(REFUSED)
    context, up = visits.context(), visits.up
    for block in blocks:
        block(context)
    job = up.update(up.other_version(), up.servers[:4])
    run = JobPage.open(context.new_page(), up, job)
    expect(run.connection).to_contain_text(f"complete over {left}")
    run.shows_everything()


def test_a_transport_blocked_in_mid_run_is_left_for_the_next(visits: Visits) -> None:
    context, up = visits.context(), visits.up
    cut: list[str] = []

    def cut_after_some_events(socket: WebSocketRoute) -> None:
        if cut:
            socket.close(code=1011)
            return
        server = socket.connect_to_server()

        def on(message: str | bytes) -> None:
            socket.send(message)
            if '"seq":20,' in str(message):
                cut.append(str(message))
                socket.close(code=1011)

        server.on_message(on)

    context.route_web_socket(SOCKETS, cut_after_some_events)
    job = up.update(up.other_version(), up.servers[:4])
    run = JobPage.open(context.new_page(), up, job)
    expect(run.connection).to_contain_text("complete over SSE")
    expect(run.connection).to_contain_text(re.compile(r"resumed from #\d+ at"))
    assert len(cut) == 1
    run.shows_everything()
