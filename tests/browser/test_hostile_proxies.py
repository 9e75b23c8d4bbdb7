"""Through every proxy that holds, cuts, compresses or refuses, the job page has the whole run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.up import Up
from tests.browser.job_page import JobPage
from tests.browser.test_resuming import CUT_OFF
from tests.browser.visits import Visits
from tests.support.proxies import HELD, KINDS, running
from tests.support.proxies.summary import Record, note
from tests.support.waiting import until

HALF = 200  # events
# Without this, Chromium goes to its own machine past the proxy.
LOOPBACK_TOO = "<-loopback>"
# Notes how long after its start the follower is live.
WATCH = """
(() => {
  let began = 0;
  const tell = ({ state, seq }) => window.told.push([Date.now(), state, seq]);
  window.told = [];
  const look = () => {
    const follower = document.querySelector('reprise-job')?.follower;
    const state = follower?.info.state;
    if (follower && !began) {
      follower.on('state', ({ detail }) => tell(detail));
      follower.on('events', ({ detail }) => tell(detail.info));
    }
    if (follower) began ||= performance.now();
    if (state === 'live') window.liveAfterSeconds = (performance.now() - began) / 1000;
    else setTimeout(look, 20);
  };
  look();
})();
"""
IS_LIVE = "() => document.querySelector('reprise-job')?.follower?.info.state === 'live'"
COMES_TO = "(seq) => document.querySelector('reprise-job')?.follower?.info.seq >= seq"
FOUND = """
async () => {
  const { follower, run: { history } } = document.querySelector('reprise-job');
  const places = Array.from({ length: history.count }, (_, place) => place);
  const pages = await Promise.all(places.map((place) => history.load(place)));
  return {
    ...follower.info,
    events: pages.flat().map((event) => JSON.stringify(event)),
    seconds: window.liveAfterSeconds,
  };
}
"""


def approve_at_head(up: Up, job: str, runs: Iterable[JobPage]) -> None:
    """Let a job go on once every page is live."""
    for run in runs:
        run.page.wait_for_function(IS_LIVE)
    with up.client() as client:
        client.post(f"/api/jobs/{job}/approve").raise_for_status()


@pytest.fixture
def proxies(up: Up) -> Iterator[dict[str, str]]:
    """The addresses of all proxies."""
    with running(KINDS, int(up.url.rsplit(":", 1)[1])) as addresses:
        yield addresses


def test_the_job_page_has_everything_through_every_proxy(
    visits: Visits, proxies: dict[str, str], record_property: Record
) -> None:
    visits.watch.allow(CUT_OFF)
    visits.watch.allow("504")  # of the proxy that waits for one second, while this machine is busy
    up = visits.up
    job = up.submit("test-halves", events=HALF)
    until(lambda: up.rows.status(job) == "waiting", "the first half")
    runs = {name: opened(visits, name, url, job) for name, url in proxies.items()}
    approve_at_head(up, job, runs.values())
    for name, run in runs.items():
        info = has_everything(run)
        assert info["transport"] not in KINDS[name].blocks, name
        note(record_property, name, "browser", info["transport"], info["seconds"])


def test_a_page_is_not_live_without_an_event_that_is_held(
    visits: Visits, proxies: dict[str, str], record_property: Record
) -> None:
    visits.watch.allow(CUT_OFF)
    up = visits.up
    job = up.submit("test-endless")
    names = [f"nginx that holds the last {size}" for size in HELD]
    runs = {name: opened(visits, name, proxies[name], job) for name in names}
    for run in runs.values():
        run.page.wait_for_function(IS_LIVE)
    with up.client() as client:
        client.post(f"/api/jobs/{job}/pause").raise_for_status()
    until(lambda: up.rows.status(job) == "paused", "the pause")
    last = up.rows.head(job)
    since = datetime.fromisoformat(json.loads(up.rows.texts(job)[-1])["at"]).timestamp()
    for run in runs.values():
        run.page.wait_for_function(COMES_TO, arg=last)
        expect(run.connection).to_contain_text("live over long poll")
    with up.client() as client:
        client.post(f"/api/jobs/{job}/cancel").raise_for_status()
    for name, run in runs.items():
        has_everything(run, "cancelled")
        told = [tuple(one) for one in run.page.evaluate("window.told")]
        assert "quiet" in {state for _, state, _ in told}, name
        live = live_without(told, last, since)
        note(record_property, name, "browser, live without an event, at most", "", live)


def live_without(told: list[tuple[float, str, int]], last: int, since: float) -> float:
    """Return for how many seconds together a page was live without an event that was there."""
    spans = (
        min(until_ms / 1000 - since, (until_ms - at_ms) / 1000)
        for (at_ms, state, seq), (until_ms, _, _) in pairwise(told)
        if state == "live" and seq < last and until_ms / 1000 > since
    )
    return max(spans, default=0.0)


def opened(visits: Visits, name: str, url: str, job: str) -> JobPage:
    """Go to a job through a proxy: by its address, or with it as the browser's own."""
    if not KINDS[name].forward:
        return opened_at(visits, url, job)
    proxy = {"server": url, "bypass": LOOPBACK_TOO}
    return opened_at(visits, visits.up.url, job, proxy=proxy)


def opened_at(visits: Visits, base: str, job: str, **options: Any) -> JobPage:
    """Go to a job at an address of the service."""
    context = visits.context(**options)
    context.add_init_script(WATCH)
    page: Page = context.new_page()
    page.goto(f"{base}/jobs/{job}", wait_until="commit")
    return JobPage(page, visits.up, job)


def has_everything(run: JobPage, status: str = "succeeded") -> dict[str, Any]:
    """Wait until the run is over; hold what the page has against the log, text by text."""
    run.completes()
    expect(run.status).to_have_text(status)
    info: dict[str, Any] = run.page.evaluate(FOUND)
    rows = [json.loads(text) for text in run.up.rows.texts(run.job)]
    assert [json.loads(text) for text in info["events"]] == rows
    assert (info["status"], info["duplicates"], info["gaps"]) == (status, 0, 0)
    return info
