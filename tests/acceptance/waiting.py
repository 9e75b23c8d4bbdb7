"""Waiting for conditions, with a limit that only a hang reaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 0.02

T = TypeVar("T")


def until(look: Callable[[], T | None], what: str, pause: float = PAUSE_SECONDS) -> T:
    """Return the first truthy result of `look`; AssertionError where none comes."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (result := look()):
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(pause)
    return result


async def auntil(look: Callable[[], T | None], what: str, pause: float = PAUSE_SECONDS) -> T:
    """As `until`, leaving the event loop to the followers meanwhile."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (result := look()):
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        await asyncio.sleep(pause)
    return result
