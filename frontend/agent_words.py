"""A browser in words: `Firefox on Linux`, of what it says of itself.

Browsers have frozen what they say, so a few rules know nearly all of them. Whatever else says
something, a script for instance, is shown as it is.
"""

from __future__ import annotations

# The first that is found counts: each of these also says the ones below.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
MAX_SHOWN = 60


def agent_words(agent: str) -> str:
    """Return a `User-Agent` in words."""
    browser = _find_words(agent, _BROWSERS)
    system = _find_words(agent, _SYSTEMS)
    if browser and system:
        return f"{browser} on {system}"
    cut = f"{agent[: MAX_SHOWN - 1]}…" if len(agent) > MAX_SHOWN else agent
    return browser or cut or "Unknown browser"


def _find_words(agent: str, words: dict[str, str]) -> str:
    return next((word for mark, word in words.items() if mark in agent), "")
