"""Acts beside many tabs of one browser, where no WebSocket gets through."""

from __future__ import annotations

import time

from playwright.sync_api import Browser, BrowserContext, Page

from tests.acceptance.up import Up, running
from tests.benchmarks.page.visit import Visit, chromium
from tests.benchmarks.report import Bar
from tests.benchmarks.testbed import Testbed

TABS = 6  # as many connections as a browser makes to one HTTP/1.1 server
ROUNDS = 3
# Milliseconds from when the page asked, a wait for a free connection included.
_TOOK = """() => {
  const all = performance.getEntriesByType('resource');
  const asked = all.find(({ name }) => name.endsWith('/cancel'));
  return asked?.responseEnd && asked.responseEnd - asked.startTime;
}"""
_IS_LIVE = "() => document.querySelector('reprise-job')?.follower?.info.state === 'live'"


def tabs(_testbed: Testbed, _scale: float) -> list[Bar]:
    """Stop run, and a seventh page, beside six tabs that follow jobs by event streams"""
    answers: list[float] = []
    documents: list[float] = []
    with running() as up, chromium() as browser:
        for _ in range(ROUNDS):
            _visit(browser, up, answers, documents)
    answer, document = max(answers), max(documents)
    return [
        Bar("six tabs: Stop run answered, the longest of 18, s", answer, "≤ 1", answer, None, "s"),
        Bar("six tabs: a seventh page is there, the longest of 3, s", document, "", document,
            None, "s"),
    ]  # fmt: skip


def _visit(browser: Browser, up: Up, answers: list[float], documents: list[float]) -> None:
    """Open the tabs and one more page, and stop all runs."""
    context = Visit.to(browser, up).page.context
    context.route_web_socket("**", lambda socket: socket.close())
    opened = [_open(context, up.submit("load", events=6000, rate=10)) for _ in range(TABS)]
    began = time.monotonic()
    context.new_page().goto("/history")
    documents.append(time.monotonic() - began)
    answers.extend(_stop(page) for page in opened)
    context.close()


def _open(context: BrowserContext, job: str) -> Page:
    page = context.new_page()
    page.goto(f"/jobs/{job}")
    page.wait_for_function(_IS_LIVE)
    return page


def _stop(page: Page) -> float:
    """Stop a run as people do; return the seconds from the page's request to the answer's end."""
    page.get_by_role("button", name="Stop run").click()
    with page.expect_response(lambda answer: answer.url.endswith("/cancel")) as answer:
        page.get_by_role("dialog").get_by_role("button", name="Stop run").click()
    if answer.value.status != 202:
        raise AssertionError(f"Stop run was answered {answer.value.status}")
    took = page.wait_for_function(_TOOK).json_value()
    return float(took) / 1000
