"""Has the feed of all jobs take in what has been committed."""

from __future__ import annotations

from jobs import feed
from tests.support.waiting import until


def feed_everything() -> None:
    """Give every committed event its place in the feed.

    One pass leaves out what a transaction beside holds back for a moment: a server that notes when
    a token was used, or Postgres itself as it counts rows.
    """
    until(_is_fed, "the feed of all that is committed")


def _is_fed() -> bool:
    feed.sequence_events()
    return not feed.lag_seconds()
