"""Collects errors on the console and violations of the content security policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx
from playwright.sync_api import BrowserContext, ConsoleMessage, WebError

from tests.acceptance.up import CALL_SECONDS, Up

# Reports go to the server too, but only a browser knows where in a page it happened.
LISTEN = """
document.addEventListener('securitypolicyviolation', (event) => console.error(
  `policy violated: ${event.effectiveDirective} by ${event.blockedURI}`));
"""


@dataclass
class Watch:
    """Collects what a browser complains about; a test says beforehand what it causes itself."""

    complaints: list[str] = field(default_factory=list)
    expected_reports: int = 0
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch a context, all its pages."""
        context.add_init_script(LISTEN)
        context.on("console", self._console)
        context.on("weberror", self._error)

    def allow(self, pattern: str) -> None:
        """Take complaints whose text or address matches for what the test causes on purpose."""
        self._allowed.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        """The complaints that no `allow` covers."""
        return [
            reported
            for reported in self.complaints
            if not any(one.search(reported) for one in self._allowed)
        ]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} [{message.location.get('url', '')}]")

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")


def policy_reports(up: Up) -> tuple[int, int]:
    """Return the web process's id and how many reports about the policy it has taken."""
    answer = httpx.get(f"{up.url}/healthz", timeout=CALL_SECONDS, trust_env=False).json()
    return int(answer["pid"]), int(answer["csp_reports"])
