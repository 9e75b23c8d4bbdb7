"""Reading an archive back, every byte of it from its storage, before its month may go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import IO, Any

import zstandard
from django.core.files.storage import FileSystemStorage

from core.errors import RepriseError
from core.files import sync_path
from core.words import counted
from jobs.archive.format import Chain, Header, Misfit, header_of, parse_header
from jobs.archive.write import rows_of, seal_lines
from jobs.log.archive_frames import Damaged, Place, archive_storage, unpack_frame
from jobs.log.months import Month
from jobs.models import Archive, ArchivedRange

Advance = Callable[[int], None]
RANGES_AT_ONCE = 1000


class Unlike(RepriseError):
    """An archive is not what the database says it is."""


def check_archive(archive: Archive, advance: Advance) -> None:
    """Raise Unlike or Damaged unless an archive has every event of its month, readable.

    Checks the digest of the file, each listed frame, each job's header and chain against the job's
    row, and the seals. Afterwards a local file is on its disk, not in memory only.
    """
    month = Month.of_day(archive.month)
    try:
        with archive_storage().open(archive.name, "rb") as file:
            _check_file(archive, month, file, advance)
        _check_seals(archive, month)
    except FileNotFoundError as error:
        raise Unlike(f"{archive.name} is not in the storage.") from error
    except Misfit as error:
        raise Unlike(f"{archive.name}: {error}") from error
    for name in filter(None, (archive.name, archive.seals)):
        _sync_file(name)


def _check_file(archive: Archive, month: Month, file: IO[Any], advance: Advance) -> None:
    digest, rows = sha256(), rows_of(month)
    jobs = events = 0
    for job, ranges in groupby(_archived_ranges(archive), key=attrgetter("job")):
        row = next(rows, None)
        if row is None or row.pk != job:
            raise Unlike(f"{archive.name} does not have the jobs of {month}: {row or job}.")
        head = _check_job(archive, header_of(row), list(ranges), file, digest)
        jobs, events = jobs + 1, events + head
        advance(head)
    if (row := next(rows, None)) is not None:
        raise Unlike(f"{archive.name} lacks job {row.pk}.")
    if file.read(1) or digest.hexdigest() != archive.sha256:
        raise Damaged(f"{archive.name} is not the file that was written.")
    if (jobs, events) != (archive.jobs, archive.events):
        raise Unlike(
            f"{archive.name} has {counted(events, 'event')} of {counted(jobs, 'job')}, "
            "not what is recorded."
        )


def _check_job(
    archive: Archive, wanted: Header, ranges: list[ArchivedRange], file: IO[Any], digest: Any
) -> int:
    """Check a job's frames, which are next in the file; return how many events it has."""
    chain = Chain(wanted)
    for one in ranges:
        place = Place(archive.name, one.first, one.last, one.offset, one.length)
        if file.tell() != one.offset:
            raise Unlike(f"{archive.name}: the listed frames leave out what is at {file.tell()}.")
        packed = file.read(one.length)
        digest.update(packed)
        header, texts = unpack_frame(place, packed)
        if (header is not None) != (chain.seq == 0):
            raise Misfit(f"job {wanted.job} has a header where none belongs, or none")
        if header is not None and parse_header(header) != wanted:
            raise Misfit(f"job {wanted.job} is described otherwise than its row does")
        for text in texts:
            chain.add(text)
    chain.end()
    return chain.seq


def _archived_ranges(archive: Archive) -> Iterator[ArchivedRange]:
    after = -1
    ours = ArchivedRange.objects.filter(archive=archive).order_by("offset")
    while page := list(ours.filter(offset__gt=after)[:RANGES_AT_ONCE]):
        yield from page
        after = page[-1].offset


def _check_seals(archive: Archive, month: Month) -> None:
    expected = "".join(f"{line}\n" for line in seal_lines(month))
    if not archive.seals:
        if expected:
            raise Unlike(f"{archive.name} was written before its jobs were sealed.")
        return
    with archive_storage().open(archive.seals, "rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        if reader.read() != expected.encode():
            raise Unlike(f"{archive.seals} does not have the seals of its jobs.")


def _sync_file(name: str) -> None:
    """Have a local file and its folder written to the disk; other storages see to that."""
    where = archive_storage()
    if not isinstance(where, FileSystemStorage):
        return
    path = where.path(name)
    for place in (path, os.path.dirname(path)):
        sync_path(place)
