"""Events that are no longer in the table: which frames of which archive have them.

A job is in the table or in an archive, as a whole. The table is asked first, so that only a page
that comes back empty asks here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from core import clock
from core.errors import HistoryExpired
from core.ids import uuid7_floor
from jobs.log import archive_frames
from jobs.log.archive_frames import Place
from jobs.log.types import PAGE_BYTES, Cursor, Head, Page

# How many frames are read for one answer with hashes: a second's work.
MOST_FRAMES = 500

# Which frames have events after `after`, up to `limit` of them.
PLACES = """
select archive.name, place.first, place.last, place."offset", place.length
from jobs_archivedrange place join jobs_archive archive on archive.id = place.archive_id
where place.job = %(job)s and place.last > %(after)s
  and place.first <= %(after)s::bigint + %(limit)s
order by place.first
"""

# The file that must be there for what comes after `after`; before its month is dropped, none must.
NEEDED = """
select archive.name
from jobs_archivedrange place join jobs_archive archive on archive.id = place.archive_id
where place.job = %(job)s and place.last > %(after)s and archive.dropped_at is not null limit 1
"""


def page_of_places(
    after: int, limit: int, rows: Iterable[tuple[Any, ...]], most_bytes: int = PAGE_BYTES
) -> Page:
    """Return the page that these rows of PLACES make; an empty one of none.

    It ends early with the frame that brings it to `most_bytes`. Raises HistoryExpired if the
    archive's file is gone, OSError while its storage is away.
    """
    texts: list[str] = []
    size, cut = 0, False
    for place in (Place(*row) for row in rows):
        if cut := size >= most_bytes:
            break
        try:
            found = archive_frames.frame_texts(place)
        except FileNotFoundError as error:
            raise archive_gone() from error
        start = max(after + 1 - place.first, 0)
        texts += (ours := found[start : after + limit + 1 - place.first])
        size += sum(map(len, ours))
    return Page(after, after + len(texts), "\n".join(texts), cut)


def hashes_of_places(rows: Iterable[tuple[Any, ...]], seqs: Iterable[int]) -> dict[int, str]:
    """Return the hashes of these events, as far as so many of the frames have them.

    Nothing is kept in memory of what is read. Raises as `page_of_places`.
    """
    found: dict[int, str] = {}
    wanted = sorted(seqs, reverse=True)
    read = 0
    for place in (Place(*row) for row in rows):
        if read == MOST_FRAMES or not wanted:
            break
        if wanted[-1] > place.last:
            continue
        _header, lines = archive_frames.unpack_frame(place, _stored_frame(place))
        read += 1
        while wanted and wanted[-1] <= place.last:
            seq = wanted.pop()
            found[seq] = lines[seq - place.first][-66:-2]
    return found


def packed_page(after: int, last: int, rows: Iterable[tuple[Any, ...]]) -> tuple[bytes, str] | None:
    """Return a frame that has just these events, as it is stored, and its text; None without one.

    A job's first frame is none: it begins with a header. Raises as `page_of_places`.
    """
    places = [Place(*row) for row in rows]
    if len(places) != 1 or (places[0].first, places[0].last) != (after + 1, last):
        return None
    packed = _stored_frame(places[0])
    header, lines = archive_frames.unpack_frame(places[0], packed)
    return None if header else (packed, "\n".join(lines))


def _stored_frame(place: Place) -> bytes:
    try:
        return archive_frames.read_frame(place)
    except FileNotFoundError as error:
        raise archive_gone() from error


def may_be(job_id: UUID, head: Head, cursor: Cursor) -> bool:
    """Return whether the events after a cursor may be in an archive: of an ended job, in the past.

    Costs no query, and says no of everything recent.
    """
    return head.terminal and cursor.seq < head.seq and is_old(job_id)


def is_old(job_id: UUID) -> bool:
    """Return whether a job is of a month that may have been archived."""
    this_month = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return job_id < uuid7_floor(this_month)


def check_there(rows: Iterable[tuple[Any, ...]]) -> None:
    """Raise HistoryExpired if the file that NEEDED found is gone."""
    if not all(archive_frames.archive_storage().exists(name) for (name,) in rows):
        raise archive_gone()


def archive_gone() -> HistoryExpired:
    """Return the error of a job whose archive is gone: of its events none can be read."""
    return HistoryExpired("This job's events were archived, and the archive is gone.",
                          first_available=None)  # fmt: skip
