"""An export of one job, made from its row and its log, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from core.errors import HistoryExpired, NotFound
from jobs import log
from jobs.archive.format import header_of
from jobs.log.read import PAGE_EVENTS
from jobs.models import Job


def export_blocks(job_id: UUID) -> Iterator[tuple[int, str]]:
    """Yield an export's text, a page at a time, each with how many events it has.

    Of a job that goes on meanwhile, the events up to the head that it had. Raises NotFound, and
    HistoryExpired where events that should be there are not.
    """
    row = Job.objects.select_related("team", "owner").filter(pk=job_id).first()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    header = header_of(row)
    yield 0, f"{header.line()}\n"
    after = 0
    while after < header.head:
        page = log.read(job_id, after, min(PAGE_EVENTS, header.head - after))
        if not len(page):
            raise HistoryExpired(f"Event {after + 1} of {header.head} is not in the log.")
        yield len(page), f"{page.lines}\n"
        after = page.last
