"""Waiting for conditions, with a limit that only a hang reaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 150.0  # less than a test may take, so that what it waited for is told
PAUSE_SECONDS = 0.02

T = TypeVar("T")
What = str | Callable[[], str]


def until(look: Callable[[], T | None], what: What, pause: float = PAUSE_SECONDS) -> T:
    """Return the first truthy result of `look`; AssertionError, naming `what`, where none comes."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (result := look()):
        assert time.monotonic() < give_up, _in_vain(what)
        time.sleep(pause)
    return result


async def auntil(look: Callable[[], T | None], what: What, pause: float = PAUSE_SECONDS) -> T:
    """As `until`, leaving the event loop to others meanwhile."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (result := look()):
        assert time.monotonic() < give_up, _in_vain(what)
        await asyncio.sleep(pause)
    return result


def _in_vain(what: What) -> str:
    return f"waited in vain for {what if isinstance(what, str) else what()}"
