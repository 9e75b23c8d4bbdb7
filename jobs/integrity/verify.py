"""One job's log checked against everything that vouches for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from itertools import groupby, islice
from typing import Any
from uuid import UUID

from django.db.models.expressions import RawSQL

from core.errors import HistoryExpired, NotFound, RepriseError
from jobs import log
from jobs.events import one_line
from jobs.events.extensions import count_extensions
from jobs.integrity.chain import Broken, ChainPlace, Sealed, event_of, walk_chain
from jobs.integrity.prefix import check_prefix, sealed_heads
from jobs.integrity.projections import SnapshotCheck, check_feed, check_row
from jobs.log import Page, inspect
from jobs.log.inspect import Columns
from jobs.models import Job, SealedHead

PAGE_EVENTS = 1000
JOBS_AT_ONCE = 1000
_NO_JOB = UUID(int=0)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to. `ok`: `head` and `hash` (hex) vouch for the whole history.

    Otherwise `seq` is the first bad event, or the first that is missing, and `reason` says why.
    """

    job: UUID
    ok: bool
    head: int | None = None
    hash: str | None = None
    seq: int | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as the API shows it: `ok`, and what there is of the rest."""
        names = ("ok", "head", "hash", "seq", "reason")
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}


def verify_job(
    job_id: UUID, *, on_progress: Progress = lambda _: None, page_events: int = PAGE_EVENTS
) -> Verdict:
    """Check a job's whole history in constant memory; `on_progress` gets the events of each page.

    Raises NotFound if nothing at all is known of such a job. A job that goes on meanwhile is
    checked up to the head that it had.
    """
    sealed = sealed_heads(job_id)  # before the row: none of these is ahead of it, then
    horizon = inspect.feed_horizon()
    try:
        row, beyond = _read_row(job_id, sealed)
        walked, submitted = _walk_log(row, sealed, on_progress, page_events)
        _check_end(row, beyond, sealed)
        check_row(row, walked.summary, submitted)
        check_feed(job_id, horizon)
        _check_source(row)
    except Broken as broken:
        return Verdict(job_id, False, seq=broken.seq, reason=broken.reason)
    return Verdict(job_id, True, head=row.head, hash=walked.hash.hex())


def known_jobs() -> Iterator[UUID]:
    """Yield the id of every job that has a row, an event or a sealed head, ascending, once."""
    of_rows = Job.objects.order_by("pk").values_list("pk", flat=True)
    of_heads = SealedHead.objects.order_by("job").values_list("job", flat=True).distinct()
    sources = (
        _keyed_page(lambda after: list(of_rows.filter(pk__gt=after)[:JOBS_AT_ONCE])),
        _keyed_page(lambda after: inspect.jobs_after(after, JOBS_AT_ONCE)),
        _keyed_page(lambda after: list(of_heads.filter(job__gt=after)[:JOBS_AT_ONCE])),
    )
    for job_id, _same in groupby(merge(*sources)):
        yield job_id


def _keyed_page(page: Callable[[UUID], list[UUID]]) -> Iterator[UUID]:
    after = _NO_JOB
    while found := page(after):
        yield from found
        after = found[-1]


def _read_row(job_id: UUID, sealed: Sealed) -> tuple[Job, int | None]:
    """Return the row and the first event past its head."""
    beyond = RawSQL(inspect.BEYOND, [])  # noqa: S611 - a constant
    row = Job.objects.annotate(beyond=beyond).filter(pk=job_id).first()
    if row is not None:
        return row, row.beyond
    if not sealed and inspect.next_after(job_id, 0) is None:
        raise NotFound
    raise Broken(1, "The job's row is gone, but its events or its seals are there.")


def _walk_log(
    row: Job, sealed: Sealed, on_progress: Progress, page_events: int
) -> tuple[ChainPlace, list[str]]:
    """Return where the walk to the row's head ends, and the texts that say what was submitted."""
    walked, submitted, count = ChainPlace.start(row.pk), list[str](), 0
    snapshots = SnapshotCheck(row)
    while walked.seq < row.head:
        page = _read_page(row.pk, walked.seq, min(page_events, row.head - walked.seq))
        if not len(page):
            raise _missing_event(row, walked.seq + 1)
        walked = _walk_page(row, walked, page, sealed)
        snapshots.add(page)
        count = count or 1 + count_extensions(event_of(1, page.texts[0]).data)
        submitted += islice(page.texts, count - len(submitted))
        on_progress(len(page))
    snapshots.end()
    return walked, submitted


def _walk_page(row: Job, start: ChainPlace, page: Page, sealed: Sealed) -> ChainPlace:
    """Walk a page as one, which is fast, and event by event where that finds something.

    A missing event, or a line break within a text, moves all that follow in the page: only a look
    at each by itself finds the first bad one.
    """
    with suppress(Broken):
        return _walk_texts(row, start, page, sealed)
    walked = start
    while walked.seq < page.last:
        one = _read_page(row.pk, walked.seq, 1)
        if not len(one):
            raise _missing_event(row, walked.seq + 1)
        walked = _walk_texts(row, walked, one, sealed)
    return walked


def _walk_texts(row: Job, start: ChainPlace, page: Page, sealed: Sealed) -> ChainPlace:
    texts, rows = page.texts, inspect.read_columns(row.pk, page.after, len(page))
    if len(texts) != len(page) or len(rows) not in (0, len(page)):
        seq = page.after + 1
        raise Broken(seq, f"Event {seq} was changed: there is a line break in its text.")
    walked = walk_chain(start, texts, sealed)
    if rows:  # an archived job has none
        _check_columns(rows, texts)
    return walked


def _read_page(job_id: UUID, after: int, limit: int) -> Page:
    try:
        return log.read(job_id, after, limit)
    except (RepriseError, OSError) as error:  # an archive that is gone, damaged or out of reach
        raise Broken(after + 1, f"Event {after + 1} cannot be read: {error}") from error


def _missing_event(row: Job, seq: int) -> Broken:
    following = inspect.next_after(row.pk, seq - 1)
    if following == seq:
        return Broken(seq, f"Event {seq} was changed: its text is empty.")
    if following is None or following > row.head:
        return _cut_off(seq, f"the job's row has {row.head}")
    return Broken(seq, f"Event {seq} is missing: after {seq - 1} comes {following}.")


def _cut_off(seq: int, witness: str) -> Broken:
    return Broken(seq, f"The end was cut off: the log ends at event {seq - 1}, but {witness}.")


def _check_end(row: Job, beyond: int | None, sealed: Sealed) -> None:
    if beyond is not None:
        said = f"There are events past {row.head}, the head in the job's row: {beyond} is the first"
        raise Broken(beyond, f"{said}.")
    last = max(sealed, default=0)
    if last > row.head:
        raise _cut_off(row.head + 1, f"seal {sealed[last][0].seal} has {last}")


def _check_source(row: Job) -> None:
    """Check what a fork goes on from; where that was archived and is gone, its hash is all."""
    if row.forked_from is not None:
        with suppress(HistoryExpired):
            check_prefix(row.pk, row.forked_from)


def _check_columns(rows: Iterable[Columns], texts: Iterable[str]) -> None:
    """Raise Broken at the first event whose columns say something else than its text.

    The members that they copy stand before `data`, in an order that never changes, so that
    comparing them is comparing text: parsing would take many times as long.
    """
    for row, text in zip(rows, texts, strict=True):
        # Texts from before line breaks of Unicode were escaped have them as they are.
        if not _columns_match(row, one_line(text)):
            raise Broken(row[0], _describe_difference(row, text))


def _columns_match(row: Columns, text: str) -> bool:
    seq, type_, actor, target, at = row
    start = f'{{"seq":{seq},"type":{_quote_json(type_)},"version":'
    if not text.startswith(start):
        return False
    after_version = text.find(",", len(start))
    middle = f',"at":"{at}","actor":{_quote_json(actor)},"attempt":'
    if not text.startswith(middle, after_version):
        return False
    after_actor = after_version + len(middle)
    # Quotes within a string are escaped: these marks can be nothing but members.
    rest = text[after_actor : text.find(',"data":', after_actor)]
    if target is None:
        return ',"target":' not in rest
    return rest.endswith(f',"target":{_quote_json(target)}')


@lru_cache(maxsize=4096)
def _quote_json(value: str) -> str:
    return one_line(json.dumps(value, ensure_ascii=False))


def _describe_difference(row: Columns, text: str) -> str:
    seq, type_, actor, target, at = row
    event = event_of(seq, text)
    pairs = {
        "type": (type_, event.type),
        "actor": (actor, event.actor),
        "target": (target, event.target),
        "at": (at, event.at),
    }
    words = [
        f"{name} is {kept or 'empty'}, not {said or 'empty'}"
        for name, (kept, said) in pairs.items()
        if kept != said
    ]
    said = ", ".join(words) or "its members are in another order"
    return f"The columns of event {seq} are not what its text says: {said}."
