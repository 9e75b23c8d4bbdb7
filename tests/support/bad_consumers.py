"""Values for REPRISE_CONSUMERS that cannot be used, and consumers that can."""

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
