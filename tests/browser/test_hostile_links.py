"""Over links that end, stall and cut, the job page has the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.up import Up
from tests.browser.test_hostile_proxies import approve_at_head, has_everything, opened_at
from tests.browser.test_resuming import CUT_OFF
from tests.browser.visit import Visits
from tests.support.hostile import (
    CutsAfter,
    EndsLargeMessages,
    Relay,
    Stalls,
    Way,
    through_in_a_thread,
)
from tests.support.waiting import until

HALF = 2500  # events, some 600 KB
WAYS: dict[str, tuple[Callable[[str], Way], set[str]]] = {
    "ends messages over 64 KiB": (
        lambda request: EndsLargeMessages() if "/ws/" in request else Way(),
        {"SSE"},
    ),
    "stalls a WebSocket after the greeting": (
        lambda request: Stalls() if "/ws/" in request else Way(),
        {"SSE"},
    ),
    "stalls every stream after the greeting": (lambda _request: Stalls(), {"long poll"}),
    # What 64 kbit/s bring in 5 s.
    "ends every stream after 40 KB": (
        lambda _request: CutsAfter(40_000),
        {"WebSocket", "SSE", "octet stream", "long poll"},
    ),
}


@pytest.fixture
def links(up: Up) -> Iterator[dict[str, Relay]]:
    """The relays before the copy, one for each way."""
    upstream = int(up.url.rsplit(":", 1)[1])
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(through_in_a_thread(upstream, way))
            for name, (way, _) in WAYS.items()
        }


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
        assert info["transport"] in WAYS[name][1], name
