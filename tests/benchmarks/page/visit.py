"""A page of a job in Chromium, and what it took: time, bytes over the wire, memory, frames."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.acceptance.up import Up

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
SCREEN = {"width": 1280, "height": 860}
PATIENCE_MS = 300_000
MIB = 1024 * 1024

# Milliseconds from the navigation until the last line stands in the log.
_TAIL = """last => {
  const lines = document.querySelectorAll('.log-lines .line');
  return lines.length > 20 && lines[lines.length - 1].textContent.includes(last)
    && performance.now();
}"""
# Milliseconds until an event's line is in view, after its address has been entered.
_JUMP = """seq => new Promise(resolve => {
  const began = performance.now();
  location.hash = `#log/${seq}`;
  const look = () => {
    const row = document.querySelector(`.line.is-marked[data-line="${seq}"]`);
    const [rect, view] = [row, document.querySelector('.log-scroll')]
      .map(element => element?.getBoundingClientRect());
    if (rect && rect.top >= view.top && rect.bottom <= view.bottom) {
      resolve(performance.now() - began);
    } else requestAnimationFrame(look);
  };
  look();
})"""
# Goes to a share of the log, and on by half a page a frame; the milliseconds of each frame.
_SCROLL = """([selector, share, frames]) => new Promise(resolve => {
  const scroller = document.querySelector(selector);
  scroller.scrollTop = share * (scroller.scrollHeight - scroller.clientHeight);
  const took = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    took.push(now - last);
    last = now;
    if (took.length > frames) resolve(took.slice(1));
    else {
      scroller.scrollTop += share < 0.5 ? 60 : -60;
      requestAnimationFrame(step);
    }
  };
  requestAnimationFrame(step);
})"""
_COMPLETE = "() => !document.querySelector('.log-lines .list-missing')"
_FOUND = """done => {
  const words = document.querySelector('.log-hits').textContent;
  return words.includes(' of ') && !(done && words.includes('so far')) && performance.now();
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass(slots=True)
class Visit:
    """A page in a profile of its own, and the bytes that have come."""

    page: Page
    session: CDPSession
    frames: list[float] = field(default_factory=list)
    _bytes: list[int] = field(default_factory=list)

    @classmethod
    def to(cls, browser: Browser, up: Up, url: str = "") -> Visit:
        """Sign in at the copy, or at another address of it."""
        context = browser.new_context(base_url=url or up.url, viewport=SCREEN)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies(_cookies(up, url or up.url))
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Performance.enable")
        visit = cls(page, session)
        session.on("Network.loadingFinished", lambda one: visit._count(one["encodedDataLength"]))
        session.on("Network.webSocketFrameReceived", lambda one: visit._count_frame(one))
        return visit

    @property
    def megabytes(self) -> float:
        """The megabytes that have come over the wire."""
        return sum(self._bytes) / 1e6

    def open_log(self, job: str, last: str) -> float:
        """Open a job's log; return the milliseconds until its last line was there."""
        self._bytes.clear()
        self.page.goto(f"/jobs/{job}#log", wait_until="commit")
        return float(self.page.wait_for_function(_TAIL, arg=last, polling="raf").json_value())

    def settle(self) -> None:
        """Wait until all that is in view has come."""
        self.page.wait_for_function(_COMPLETE)

    def jump(self, seq: int) -> float:
        """Go to an event's line; return the milliseconds until it was in view."""
        return float(self.page.evaluate(_JUMP, seq))

    def scroll(self, share: float, frames: int, selector: str = ".log-scroll") -> None:
        """Go to a share of the log, and scroll from there; note how long each frame took."""
        self.frames += self.page.evaluate(_SCROLL, [selector, share, frames])

    def search(self, text: str) -> tuple[float, float]:
        """Search; return the milliseconds to the first hit, and until all have been found."""
        began = self.page.evaluate("performance.now()")
        self.page.get_by_label("Search the output").fill(text)
        first, end = (
            self.page.wait_for_function(_FOUND, arg=done, polling="raf").json_value()
            for done in (False, True)
        )
        return float(first) - began, float(end) - began

    def heap(self) -> float:
        """Return the MiB of the page's heap, after its garbage has gone."""
        self.session.send("HeapProfiler.collectGarbage")
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        used = next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")
        return float(used) / MIB

    def close(self) -> None:
        """Close the page and its profile."""
        self.page.context.close()

    def _count(self, size: int) -> None:
        self._bytes.append(size)

    def _count_frame(self, frame: dict[str, Any]) -> None:
        self._bytes.append(len(frame["response"]["payloadData"]))


def _cookies(up: Up, url: str) -> list[Any]:
    with up.browser() as client:
        return [
            {"name": name, "value": value, "url": url} for name, value in client.cookies.items()
        ]


def loaded_job(up: Up, events: int) -> str:
    """Return a job of kind `load` with this many events of output, once it is over."""
    job = up.submit("load", events=events, steps=10)
    while not up.rows.has_ended(job):
        time.sleep(1)
    return job


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
