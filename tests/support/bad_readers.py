"""Consumers that are none, and modules that cannot be imported, for REPRISE_CONSUMERS."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.feed import FeedEvent
from jobs.feed.consumers import Consumer

SEEN: list[FeedEvent] = []


def listen(events: Sequence[FeedEvent]) -> None:
    """Keep what comes."""
    SEEN.extend(events)


GOOD = Consumer("good", listen)
TWICE = Consumer("good", listen)
NONE = "a text"
