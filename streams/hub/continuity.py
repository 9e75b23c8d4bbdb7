"""Where a follower's history ends, so that no event of another history is sent after it."""

from __future__ import annotations

from uuid import UUID

from jobs.events import first_hash
from jobs.log import Cursor, Head
from streams.hub.hub import Hub
from streams.wire import Events


class Continuity:
    """The last event that a follower has; `head` is what `Hub.check` said of its cursor.

    Of a cursor without a hash, within the log, nothing is known: its first batch is taken as it is.
    """

    def __init__(self, job: UUID, cursor: Cursor, head: Head) -> None:
        self._job = job
        self._cursor = cursor
        self._hash = head.hash if cursor.seq == head.seq else head.cursor_hash
        if not cursor.seq:
            self._hash = first_hash(job).hex()
        self._doubted = -1

    @property
    def cursor(self) -> Cursor:
        """The cursor with which the follower would come back now."""
        seq = self._cursor.seq
        return Cursor(seq, self._hash[:8]) if seq and self._hash else self._cursor

    def move(self, events: Events) -> None:
        """Note that the follower has these events too."""
        self._cursor, self._hash = Cursor(events.last), events.hash

    async def fits(self, hub: Hub, events: Events) -> bool:
        """Return whether the events are linked to the last one; if not, look for others.

        Raises CursorAhead or HistoryDiverged if the log has no such last event any more. Events
        that are not linked after a second look are what the log has: `verify` tells of that.
        """
        if not self._hash or events.after == self._doubted or events.continues(self._hash):
            return True
        self._doubted = events.after
        await hub.mark_stale(self._job)
        await hub.check(self._job, self.cursor)
        return False
