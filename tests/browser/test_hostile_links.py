"""Over links that end, stall and cut, the job page has the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.up import Up
from tests.browser.test_hostile_proxies import approve_at_head, has_everything, opened_at
from tests.browser.test_resuming import CUT_OFF
from tests.browser.visits import Visits
from tests.support.relay import LinkOptions, Relay, RelayThread
from tests.support.waiting import until

HALF = 2500  # events, some 600 KB
LINKS: dict[str, tuple[LinkOptions, set[str]]] = {
    "ends messages over 64 KiB": (LinkOptions(most=64 * 1024), {"SSE"}),
    "stalls a WebSocket after the greeting": (LinkOptions(stalls="sockets"), {"SSE"}),
    "stalls every stream after the greeting": (LinkOptions(stalls="streams"), {"long poll"}),
    # What 64 kbit/s bring in 5 s.
    "ends every stream after 40 KB": (
        LinkOptions(cut_bytes=40_000),
        {"WebSocket", "SSE", "octet stream", "long poll"},
    ),
}


@pytest.fixture
def links(up: Up) -> Iterator[dict[str, Relay]]:
    """A relay before the copy for each kind of link."""
    upstream = ("127.0.0.1", int(up.url.rsplit(":", 1)[1]))
    thread = RelayThread()
    try:
        yield thread.start({name: Relay(upstream, options) for name, (options, _) in LINKS.items()})
    finally:
        thread.close()


def test_the_job_page_has_everything_over_every_link(
    visits: Visits, links: dict[str, Relay]
) -> None:
    visits.watch.allow(CUT_OFF)
    up = visits.up
    job = up.submit("test-halves", events=HALF)
    until(lambda: up.rows.status(job) == "waiting", "the first half")
    runs = {name: opened_at(visits, link.url, job) for name, link in links.items()}
    approve_at_head(up, job, runs.values())
    for name, run in runs.items():
        info = has_everything(run)
        assert info["transport"] in LINKS[name][1], name
