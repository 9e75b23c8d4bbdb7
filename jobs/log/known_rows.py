"""What a writer knows of the rows it has just written: so it goes on in one round trip, not two.

A run's row is changed by its worker, and now and then by people. So the next append takes it to be
as the last one has left it; the statement itself makes sure, under the row's lock, that its fence,
its head and that event's hash are the same. Where they are not, nothing is stored, and the append
goes the way that locks and looks first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from cachetools import TTLCache

from core import clock
from core.errors import RepriseError
from jobs.events.fold import Summary
from jobs.log.append import Append, append_to_known
from jobs.log.types import Appended

MOST_ROWS = 4096
# What else than an append might change in a row (a rebuild), and what the clock does, counts soon.
KNOWN_SECONDS = 2.0


class KnownRows:
    """The rows of one writer's runs, each with its fence; and the database's clock."""

    def __init__(self) -> None:
        self._rows: TTLCache[UUID, tuple[int, Summary]] = TTLCache(MOST_ROWS, KNOWN_SECONDS)
        self._now: tuple[datetime, float] | None = None  # the database's, and when that was heard

    def append(self, wishes: Sequence[Append]) -> Sequence[Appended | None]:
        """Append what is to be appended to known rows; None for a wish of which nothing is stored.

        Each wish carries an `append_id` that is new.
        """
        known = {wish.job: row for wish in wishes if (row := self._known_row(wish))}
        now = self._tell_time()
        if now is None or any(wish.job not in known for wish in wishes):
            return [None for _ in wishes]
        return append_to_known(wishes, known, now)

    def learn(
        self, wishes: Sequence[Append], results: Sequence[Appended | RepriseError | None]
    ) -> None:
        """Take in how rows are after an append, which has ended just now."""
        for wish, result in zip(wishes, results, strict=True):
            if isinstance(result, Appended) and wish.fence is not None:
                self.learn_row(result, wish.fence)
                if result.moment:
                    self._now = clock.parse(result.moment), time.monotonic()
            else:
                self._rows.pop(wish.job, None)

    def learn_row(self, receipt: Appended, fence: int) -> None:
        """Take in how an append under this fence has left a row, also somebody else's append."""
        if receipt.row is None or receipt.row.terminal:
            self._rows.pop(receipt.job, None)
        else:
            self._rows[receipt.job] = fence, receipt.row

    def _tell_time(self) -> str | None:
        """Return the database's time; None if that was last heard too long ago."""
        if self._now is None:
            return None
        said, heard = self._now
        since = time.monotonic() - heard
        return clock.rfc3339(said + timedelta(seconds=since)) if since < KNOWN_SECONDS else None

    def _known_row(self, wish: Append) -> tuple[int, Summary] | None:
        row = self._rows.get(wish.job)
        is_plain = wish.expected_seq is None and not wish.exact_time
        return row if row and wish.fence == row[0] and is_plain else None
