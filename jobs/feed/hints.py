"""News that the feed of all jobs has moved, for those who follow it.

Sent through the channel layer after the sequencer's commit. Only a hint, like those of single jobs:
where it is lost, doubled or late, followers find the same by asking the feed once a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from jobs.log.hints import hint_publisher

GROUP = "feed"
TYPE = "feed.moved"


@dataclass(frozen=True, slots=True)
class Moved:
    """The feed has come to `position`."""

    position: int
    group = GROUP

    def then(self, later: Moved) -> Moved:
        """Return one message for both."""
        return max(self, later, key=lambda moved: moved.position)

    def message(self) -> dict[str, Any]:
        """Return what goes through the channel layer."""
        return {"type": TYPE, "position": self.position}


def publish_moved(position: int) -> None:
    """Tell the followers, once the transaction has committed."""
    transaction.on_commit(lambda: hint_publisher().tell(Moved(position)))
