"""Job pages in Chromium, a profile of its own for each: `python -m tests.chaos.links.pages` does as
`tests.chaos.streams.crowd` does, with the session's cookie (`name=value`) for a token."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as BrowserError

from tests.chaos.streams.crowd import Ended, Plan, Planned, say, until_told_to_leave
from tests.chaos.streams.history import History

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
LOOK_SECONDS, TAKE_SECONDS = 0.1, 10.0
STATE = "() => document.querySelector('reprise-job')?.follower?.info ?? null"
EVENTS = """
() => document.querySelector('reprise-job')?.run.events
  .map((event) => [event.seq, JSON.stringify(event)]) ?? []
"""


def as_parsed(text: str) -> str:
    """Return an event's text as a parser sees it: 0.0 and 0 are the same to a page."""
    return json.dumps(json.loads(text, parse_int=float))


class Came(NamedTuple):
    """An event as the page has it."""

    seq: int
    raw: bytes


@dataclass(slots=True)
class Visit:
    """A page, and what has come of it."""

    planned: Planned
    history: History = field(default_factory=History)
    info: dict[str, Any] = field(default_factory=dict)
    began: float = 0.0
    over: float = 0.0
    trouble: str = "still following"

    async def pay(self, browser: Browser, cookie: str) -> None:
        """Go to the job, and stay to its end."""
        name, _, value = cookie.partition("=")
        context = await browser.new_context()
        origin = urljoin(self.planned.url, "/")
        await context.add_cookies([{"name": name, "value": value, "url": origin}])
        page = await context.new_page()
        self.began = time.time()
        try:
            await page.goto(self.planned.url, wait_until="commit", timeout=0)
            await self._watch(page)
        finally:
            self.over = time.time()
            with suppress(BrowserError):
                self._take(await self._shown(page))

    def ended(self) -> Ended:
        """Return how it ended."""
        counts = (self.info.get("duplicates", 0), self.info.get("gaps", 0))
        transport = self.info.get("transport") or ""
        ended = (self.planned.number, self.trouble, *counts, transport, self.began, self.over)
        return Ended(*ended)

    async def _watch(self, page: Page) -> None:
        while True:
            with suppress(BrowserError):  # between one document and the next
                self.info = await page.evaluate(STATE) or self.info
            if self.info.get("state") in {"ended", "failed"}:
                error = self.info.get("error") or {}
                failed = self.info["state"] == "failed"
                self.trouble = f"{error.get('code')}: {error.get('message')}" if failed else ""
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _shown(self, page: Page) -> list[tuple[int, str]]:
        """Return the events that the page has; it takes in what its follower gives bit by bit."""
        deadline = time.monotonic() + TAKE_SECONDS
        while True:
            events: list[tuple[int, str]] = await page.evaluate(EVENTS)
            whole = events and events[-1][0] >= self.info.get("seq", 0)
            if whole or time.monotonic() > deadline:
                return events
            await asyncio.sleep(LOOK_SECONDS)

    def _take(self, events: list[tuple[int, str]]) -> None:
        came = [Came(seq, as_parsed(text).encode()) for seq, text in events]
        self.history.take(came, self.over)


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


async def main() -> None:
    """Do what the plan says."""
    plan = Plan.parse(sys.stdin.readline())
    visits = [Visit(planned) for planned in plan.followers]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        tasks = [asyncio.create_task(visit.pay(browser, plan.token)) for visit in visits]
        leaving = asyncio.create_task(until_told_to_leave())
        following = asyncio.create_task(_all(tasks))
        await asyncio.wait([following, leaving], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, leaving):
            task.cancel()
        await asyncio.wait([*tasks, following, leaving])
        await browser.close()
    for visit in visits:
        visit.history.write(Path(plan.folder) / str(visit.planned.number))
    say([asdict(visit.ended()) for visit in visits])


if __name__ == "__main__":
    asyncio.run(main())
