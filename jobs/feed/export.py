"""Exports of the feed: every event that passes, oldest first, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator

from channels.db import database_sync_to_async

from jobs.access.visibility import Principal
from jobs.feed.read import AuditFilter, AuditRow, read_audit

MOST_ROWS = 1000


async def export_rows(
    principal: Principal, wanted: AuditFilter, after: int = 0, before: int | None = None
) -> AsyncIterator[list[AuditRow]]:
    """Yield rows after a position, in pages; between pages no connection is held."""
    read = database_sync_to_async(read_audit, thread_sensitive=False)
    limit = MOST_ROWS
    while True:
        page = await read(principal, wanted, after=after, before=before, limit=limit)
        if page.rows:
            yield page.rows[::-1]
            # Postgres looks at all that might be in a page: of large events few are.
            limit = min(2 * len(page.rows), MOST_ROWS)
        elif page.previous is None:
            return
        after = page.previous or page.rows[0].position
