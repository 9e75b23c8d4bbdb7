"""Opens pages as a signed-in user."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.acceptance.up import Up
from tests.browser.browser_errors import Watch
from tests.browser.people import DEMO, People

# Options of a profile.
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
PATIENCE_MS = 60_000


class Visits:
    """The visits of one test: each somebody's own browser profile, closed when the test is over."""

    def __init__(self, browser: Browser, up: Up, people: People, stack: ExitStack) -> None:
        self.up, self.watch = up, Watch()
        self._browser, self._people, self._stack = browser, people, stack

    def context(self, who: str | None = DEMO, **options: Any) -> BrowserContext:
        """Return a new profile, signed in as somebody unless that is None."""
        plain = {**DESK, "timezone_id": "UTC", "locale": "en-GB", "base_url": self.up.url}
        context = self._browser.new_context(**{**plain, **options})
        self._stack.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        self.watch.over(context)
        if who is not None:
            context.add_cookies(self._people.cookies(who))
        return context

    def page(self, path: str = "/", who: str | None = DEMO, **options: Any) -> Page:
        """Return a page of a new profile, gone to an address."""
        page = self.context(who, **options).new_page()
        page.goto(path)
        return page
