"""Old runs on today's page: played at a hundred times their pace, they end as they did then.

What a page showed at the end of a history is kept beside it (`NAME.page.json`); the test writes it
with `REPRISE_SNAPSHOTS=1`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.replay import histories
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.replay
KEEPS_SNAPSHOTS = os.environ.get("REPRISE_SNAPSHOTS") == "1"
PATIENCE_MS = 60_000
ROWS, TAIL = 15, 8  # of the matrix, and of the log's end
TEXTS = """
(elements) => elements.map((element) => element.textContent.replace(/\\s+/g, ' ').trim())
"""
MATRIX = """
(rows) => rows.map((row) => [
  row.querySelector('[role=rowheader]').textContent.trim(),
  ...[...row.querySelectorAll('[data-step]')].map(({ dataset, classList }) =>
    `${dataset.step} ${[...classList].find((name) => name.startsWith('is-')).slice(3)}`),
])
"""


@pytest.fixture(scope="module")
def cookies(scene: LiveServer) -> list[Any]:
    """The session of somebody who may see everything."""
    found = scene.people.root.browser().cookies
    return [{"name": one.key, "value": one.value, "url": scene.web.url} for one in found.values()]


# After `cookies`: Django refuses its database where Playwright's own event loop runs.
@pytest.fixture(scope="module")
def browser(cookies: list[Any]) -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, scene: LiveServer, cookies: list[Any]) -> Iterator[Page]:
    """A page in a profile of its own."""
    size: ViewportSize = {"width": 1280, "height": 1200}
    context = browser.new_context(base_url=scene.web.url, viewport=size, timezone_id="UTC")
    context.add_cookies(cookies)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", histories.NAMES)
def test_a_history_played_on_the_page_ends_as_it_did(name: str, page: Page) -> None:
    shown = play(page, histories.read(name))
    if KEEPS_SNAPSHOTS:
        written = json.dumps(shown, ensure_ascii=False, indent=1)
        (histories.FOLDER / f"{name}.page.json").write_text(f"{written}\n")
    assert shown == snapshot(name)


def play(page: Page, history: histories.History) -> dict[str, Any]:
    """Play a history from its first event; return what the page shows at the last."""
    head = f"{len(history.texts):,}"
    page.goto(f"/jobs/{history.job}?at=1")
    bar = page.get_by_role("group", name="The run as it stood")
    expect(bar).to_contain_text(f"as of #1 of {head}", timeout=PATIENCE_MS)
    bar.get_by_label("Speed").select_option("100")
    bar.get_by_role("button", name="Play").click()
    expect(bar).to_contain_text(f"as of #{head} of {head}", timeout=PATIENCE_MS)
    page.get_by_role("tab", name="Log").click()
    lines = page.locator("#panel-log .line-text")
    expect(lines.last).to_be_visible(timeout=PATIENCE_MS)
    tail = lines.evaluate_all(TEXTS)[-TAIL:]
    page.get_by_role("tab", name="Matrix").click()
    rows = page.locator("reprise-matrix .matrix-row:has([data-step])")
    if any('"step":' in text for text in history.texts):
        expect(rows.first).to_be_visible(timeout=PATIENCE_MS)
    [status] = page.locator(".job-head-status").evaluate_all(TEXTS)
    counts = "".join(page.locator(".job-counts").evaluate_all(TEXTS))  # only of what has a total
    matrix = rows.evaluate_all(MATRIX)[:ROWS]
    return {"status": status, "counts": counts, "matrix": matrix, "tail": tail}


def test_a_page_that_miscounts_is_noticed(page: Page) -> None:
    changed = []

    def miscount(route: Route) -> None:
        script = route.fetch().text()
        wrong = re.sub(r'(class="job-counts">\$\{)(\w+)(\} succeeded)', r"\1\2 + 1\3", script)
        changed.append(wrong != script)
        route.fulfill(body=wrong, content_type="text/javascript")

    page.route("**/assets/*.js", miscount)
    shown = play(page, histories.read("rolled-back"))
    assert any(changed), "the page's script has its counts written otherwise"
    assert shown["counts"] != snapshot("rolled-back")["counts"]


def test_a_client_that_drops_an_event_is_noticed(page: Page) -> None:
    history = histories.read("rolled-back")
    lost = next(text for text in history.texts if '"step.failed"' in text)

    def drop(route: Route) -> None:
        body = route.fetch().text()
        route.fulfill(body=body.replace(f"{lost},", "").replace(f"{lost}\n", ""))

    page.route("**/events?*", drop)
    page.route("**/pages/*", drop)
    assert play(page, history) != snapshot("rolled-back")


def snapshot(name: str) -> Any:
    """Return what the page showed at a history's end when that was kept."""
    return json.loads((histories.FOLDER / f"{name}.page.json").read_text())
