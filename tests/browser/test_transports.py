"""Where a network lets only some transports through, the page finds one and names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

from tests.browser.job_page import JobPage
from tests.browser.visits import Visits

SOCKETS, STREAMS = "**/ws/jobs/**", "**/api/jobs/*/stream?*"
REFUSED = r"ERR_FAILED \[.*/stream\?"
EVENT_STREAM, OCTETS = "text/event-stream", "application/octet-stream"

SAID = [f"line {number}\n" for number in range(30)]
LATER = 40  # an event of what is said after the first word

Block = Callable[[BrowserContext], None]


def talking(visits: Visits, context: BrowserContext, folder: Path, words: int = 1) -> JobPage:
    """Open a run that has said something, and waits for a word each time before it says more."""
    parts = [{"one": SAID, "other": SAID}] * (words + 1)
    job = visits.up.submit("test-talk", parts=parts, folder=str(folder))
    return JobPage.open(context.new_page(), visits.up, job)


def follows_over(run: JobPage, transport: str, last_word: Path) -> None:
    """Let the run end once the page is live over a transport; it has all of it over that one."""
    expect(run.connection).to_contain_text(f"live over {transport}")
    last_word.touch()
    expect(run.connection).to_contain_text(f"complete over {transport}")
    run.shows_everything()


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
    visits: Visits, tmp_path: Path, blocks: list[Block], left: str
) -> None:
    visits.watch.allow(REFUSED)
    context = visits.context()
    for block in blocks:
        block(context)
    follows_over(talking(visits, context, tmp_path), left, tmp_path / "1")


def test_a_transport_blocked_in_mid_run_is_left_for_the_next(
    visits: Visits, tmp_path: Path
) -> None:
    context = visits.context()
    cut: list[str] = []

    def cut_after_some_events(socket: WebSocketRoute) -> None:
        if cut:
            socket.close(code=1011)
            return
        server = socket.connect_to_server()

        def on(message: str | bytes) -> None:
            socket.send(message)
            if f'"seq":{LATER},' in str(message):
                cut.append(str(message))
                socket.close(code=1011)

        server.on_message(on)

    context.route_web_socket(SOCKETS, cut_after_some_events)
    run = talking(visits, context, tmp_path, words=2)
    expect(run.connection).to_contain_text("live over WebSocket")
    (tmp_path / "1").touch()
    follows_over(run, "SSE", tmp_path / "2")
    expect(run.connection).to_contain_text(re.compile(r"resumed from #\d+ at"))
    assert len(cut) == 1
