"""Drives the job page, and checks that it shows every event of the log."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.up import Up
from tests.browser.event_lines import Line, expected

STEPS = ("preflight", "drain", "fetch", "switch", "restart", "health", "undrain")

# Goes down the list, which only draws what is near the view, and gathers what it shows: from top
# to bottom, and again where something was passed before it was drawn.
_GATHER = """
async (element, expected) => {
  const scroller = element.querySelector('.events-scroll');
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const found = new Map();
  for (let pass = 0; pass < 10 && found.size < expected; pass += 1) {
    scroller.scrollTop = 0;
    for (let last = -1; scroller.scrollTop !== last; ) {
      last = scroller.scrollTop;
      await frame();
      await frame();
      for (const line of scroller.querySelectorAll('.event-line')) {
        const cells = [...line.children].map((cell) => cell.textContent.trim());
        found.set(Number(cells[1]), cells);
      }
      scroller.scrollTop += scroller.clientHeight;
    }
  }
  return [...found.keys()].sort((a, b) => a - b).map((seq) => found.get(seq));
}
"""


class JobPage:
    """A page that is at a job."""

    def __init__(self, page: Page, up: Up, job: str) -> None:
        self.page, self.up, self.job = page, up, job
        self.head = page.locator(".job-head")
        self.status = page.locator(".job-head-status")
        self.connection = page.locator(".connection")
        self.ended = page.locator(".ended")
        self.stop_button = page.get_by_role("button", name="Stop run")
        self.notice = page.locator("reprise-job > .notice")

    @classmethod
    def open(cls, page: Page, up: Up, job: str) -> JobPage:
        """Go to a job."""
        page.goto(f"/jobs/{job}")
        return cls(page, up, job)

    def cell(self, server: str, step: str) -> Locator:
        """Return the matrix's cell of a step on a server."""
        return self.page.locator(
            f'reprise-matrix [role=gridcell][data-target="{server}"][data-step="{step}"]'
        )

    def seq(self) -> int:
        """Return how far the page is, as the connection line says; 0 where it says nothing."""
        found = re.search(r"#(\d+)", self.connection.inner_text().split("resumed")[0])
        return int(found[1]) if found else 0

    def comes_to(self, seq: int) -> int:
        """Wait until the page has come as far as an event; return how far it is then."""
        self.page.wait_for_function(
            """(seq) => Number(document.querySelector(
              '.connection-parts > .mono')?.textContent.slice(1)) >= seq""",
            arg=seq,
        )
        return self.seq()

    def has_noted(self, seq: int) -> None:
        """Wait until the tab has kept that it saw an event; a page left in a hurry says no more."""
        self.page.wait_for_function(
            """([key, seq]) => JSON.parse(sessionStorage.getItem(key))?.seq >= seq""",
            arg=[f"reprise:seen:{self.job}", seq],
        )

    def completes(self) -> None:
        """Wait until the run is over and the page has all of it."""
        expect(self.connection).to_contain_text("complete over ")

    def shows_everything(self) -> None:
        """Hold the page's list of events against the rows that bare psycopg reads, line by line."""
        self.completes()
        texts = self.up.rows.texts(self.job)
        self.page.get_by_role("tab", name="Events").click()
        self.page.get_by_role("button", name="All", exact=True).click()
        expect(self.page.locator(".events-tools")).to_contain_text(f"{len(texts):,} events")
        shown = self.page.locator("reprise-events").evaluate(_GATHER, len(texts))
        assert [Line(*cells) for cells in shown] == [expected(text) for text in texts]
        self._shows_whole(texts[-1])

    def _shows_whole(self, text: bytes) -> None:
        newest = self.page.locator("details.event").last
        newest.locator("summary").click()
        assert json.loads(newest.locator(".raw").inner_text()) == json.loads(text)
