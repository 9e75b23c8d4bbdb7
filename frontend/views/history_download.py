"""`/history/download`: all that the filters of the history let through, as CSV or NDJSON."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from frontend import words
from frontend.views.frame import page
from frontend.views.history import Filters
from jobs import feed
from jobs.access import visibility
from jobs.access.visibility import Principal
from jobs.api.audit import LINES, rows_as_lines
from jobs.events import parse_stored
from jobs.feed import AuditFilter, AuditRow

CSV = "text/csv; charset=utf-8"
COLUMNS = (
    "at", "job", "job_kind", "job_title", "seq", "type", "step", "target", "actor", "what", "event",
)  # fmt: skip
# A spreadsheet takes what begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@require_safe
@page
def download(request: HttpRequest, principal: Principal) -> Any:
    """Stream every event that passes, oldest first; one who may not go on is cut."""
    visibility.require_act(principal, "view")
    wanted = Filters(request.GET, principal).audit()
    if request.GET.get("format") == "csv":
        return StreamingHttpResponse(_csv_blocks(principal, wanted), content_type=CSV)
    return StreamingHttpResponse(_line_blocks(principal, wanted), content_type=LINES)


async def _line_blocks(principal: Principal, wanted: AuditFilter) -> AsyncIterator[bytes]:
    async for rows in feed.export_rows(principal, wanted):
        yield rows_as_lines(rows)


async def _csv_blocks(principal: Principal, wanted: AuditFilter) -> AsyncIterator[bytes]:
    yield write_csv([COLUMNS])
    async for rows in feed.export_rows(principal, wanted):
        yield write_csv(map(_cells, rows))


def write_csv(rows: Iterable[Iterable[object]]) -> bytes:
    """Return rows as RFC 4180 has them; a text that begins like a formula gets an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _guarded(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(row: AuditRow) -> tuple[object, ...]:
    event = parse_stored(row.text)
    return (
        event.at, row.job, row.job_kind, row.job_title, event.seq, event.type, event.step,
        event.target, event.actor, words.words(event), row.text,
    )  # fmt: skip
