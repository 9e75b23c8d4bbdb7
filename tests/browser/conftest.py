"""Fixtures of the browser tests: one copy and one browser for all, fresh profiles a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import LiteralString

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.acceptance.up import Up, running
from tests.browser.browser_errors import policy_reports
from tests.browser.people import People
from tests.browser.visits import PATIENCE_MS, Visits
from tests.support.waiting import until

SECONDS = 300
HERE = os.path.dirname(__file__)
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
KEEPS_PICTURES = os.environ.get("REPRISE_PICTURES") == "1"
# Pictures that people look at show a fleet that takes its time.
SPEED = {"REPRISE_FLEET_SPEED": "3"} if KEEPS_PICTURES else {}
UNFINISHED: LiteralString = (
    "select id::text from jobs_job where finished_at is null and kind <> 'system'"
)
KINDS = ("Careful", "Endless", "Forms", "Halves", "Many", "Talk", "Wide")
COPY = {
    "REPRISE_LEASE_SECONDS": "4",
    "REPRISE_CANCEL_GRACE_SECONDS": "1",
    "REPRISE_KINDS": ",".join(f"tests.browser.kinds.{name}" for name in KINDS),
    **SPEED,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test here time for the processes that it starts; one xdist worker for all of them."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.timeout(SECONDS))
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """The copy that all tests share; one that harms it waits until it is well again."""
    with running(COPY) as copy:
        yield copy


@pytest.fixture(scope="session")
def people(up: Up) -> People:
    """Who may sign in."""
    return People.of(up)


@pytest.fixture(scope="session")
def finished(up: Up) -> str:
    """A job that is over and went well, on two servers, for tests that only look."""
    job = up.update(up.other_version(), up.servers[:2])
    until(lambda: up.rows.has_ended(job), "the finished job")
    assert up.rows.status(job) == "succeeded", up.said()
    until(lambda: up.rows.is_fed(job), "the finished job in the history")
    return job


# The package, not the session: Playwright's own event loop runs as long as this does, and an
# asynchronous test of another suite, which may come in between, could not run its own beside it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def visits(browser: Browser, up: Up, people: People) -> Iterator[Visits]:
    """Pages to open; afterwards nothing may have been complained about that was not expected."""
    web, reports = policy_reports(up)
    with ExitStack() as stack:
        made = Visits(browser, up, people, stack)
        yield made
    assert made.watch.unexpected == []
    now, after = policy_reports(up)
    expected = made.watch.expected_reports + (reports if now == web else 0)
    assert after == expected, "the content security policy was violated"


@pytest.fixture(autouse=True)
def quiet(up: Up) -> Iterator[None]:
    """Leave nothing running to the next test, and nothing that is told to go wrong."""
    yield
    until(lambda: _is_ready(up), "the web process")
    stopped: set[str] = set()
    until(lambda: _is_quiet(up, stopped), "the end of what a test left running")
    for name in up.servers:
        up.fleet.forgive(name)


def _is_quiet(up: Up, stopped: set[str]) -> bool:
    """Return whether no job is left; stop each that is, also one that comes only now."""
    left = {job for (job,) in up.rows.all(UNFINISHED)}
    with up.client() as client:
        for job in left - stopped:
            client.post(f"/api/jobs/{job}/cancel")  # refused where it is being stopped already
    stopped |= left
    return not left


def _is_ready(up: Up) -> bool:
    try:
        return httpx.get(f"{up.url}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
