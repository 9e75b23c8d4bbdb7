"""The jobs that have moved last, in memory: the newest summary of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from uuid import UUID

from cachetools import LRUCache

from jobs.access.visible_set import Visibility
from jobs.feed.summaries import Summary, SummaryPage
from streams.wire import Summaries

# Followers stand at few places at once, and people of a team see the same.
KEPT_BATCHES = 64


@dataclass(frozen=True, slots=True)
class FeedBounds:
    """How many jobs one frame has, how many are in memory, how many positions one read covers."""

    frame_jobs: int = 500
    recent_jobs: int = 4096
    page_positions: int = 10_000


FEED_BOUNDS = FeedBounds()


class Recent:
    """The newest summary of every job that has moved after position `after`, up to `last`.

    A job that moves again takes a later place, and nobody gets its old one any more. Past the
    bounds, the jobs that have rested longest leave; who was before their place is before `after`
    then.
    """

    def __init__(self, after: int, bounds: FeedBounds = FEED_BOUNDS) -> None:
        self.after = self.last = after
        self._newest_event: str | None = None  # at `last`, where known
        self._bounds = bounds
        self._newest: dict[UUID, Summary] = {}  # by position, since the latest is always put last
        self._batches: LRUCache[tuple[Visibility, int, int], Summaries] = LRUCache(KEPT_BATCHES)

    def agrees(self, page: SummaryPage) -> bool:
        """Return whether a page after `last` can be of the feed that is here."""
        return self._newest_event in (None, page.before)

    def extend(self, page: SummaryPage) -> None:
        """Add what comes after `last`. Raises ValueError if that would leave a gap."""
        if page.after != self.last:
            raise ValueError(f"this ends at {self.last}, the page starts after {page.after}")
        for summary in page.summaries:
            self._newest.pop(summary.job, None)
            self._newest[summary.job] = summary
        if page.last > self.last:
            self._newest_event = page.newest
        self.last = page.last
        self._batches.clear()
        while len(self._newest) > self._bounds.recent_jobs:
            self.after = self._newest.pop(next(iter(self._newest))).position

    def batch(self, sight: Visibility, position: int, most: int) -> Summaries:
        """Return what of that a follower may see who is at `position`: `after <= position < last`.

        `most` jobs at most. Followers at one place with the same sight and room for it share one
        batch, and its encoding.
        """
        found = self._kept_batch(sight, position, self._bounds.frame_jobs)
        return found if len(found.texts) <= most else self._kept_batch(sight, position, most)

    def _kept_batch(self, sight: Visibility, position: int, most: int) -> Summaries:
        key = (sight, position, most)
        found = self._batches.get(key)
        if found is None:
            newest = reversed(self._newest.values())
            moved = list(takewhile(lambda one: one.position > position, newest))
            found = cut_summaries(reversed(moved), sight, position, self.last, most)
            self._batches[key] = found
        return found


def cut_summaries(
    moved: Iterable[Summary], sight: Visibility, after: int, last: int, most: int
) -> Summaries:
    """Return the first `most` of the summaries after `after` that somebody may see; to `last`."""
    newer = (one for one in moved if one.position > after)
    seen = [one for one in newer if sight.has(one.owner, one.team, one.kind)]
    if len(seen) > most:
        seen = seen[:most]
        last = seen[-1].position
    # A page that was on its way for others may end before this follower's place.
    return Summaries(after, max(after, last), [one.text for one in seen])
