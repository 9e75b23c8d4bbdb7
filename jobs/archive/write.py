"""Writing a month: its jobs as exports, a frame per at most 1,000 events, and their seals beside.

What is written goes to a temporary file first and is named by its own digest, so that a file left
half-written by an earlier try is never taken for a whole one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from itertools import groupby
from operator import itemgetter
from typing import IO, Any
from uuid import UUID

import zstandard
from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import Exists, OuterRef

from core.errors import RepriseError
from core.words import counted
from jobs.archive.format import Chain, Header, Misfit, header_of
from jobs.log import months
from jobs.log.archive_frames import LEVEL, MOST_BYTES, MOST_EVENTS, archive_storage
from jobs.log.months import Month
from jobs.models import Archive, ArchivedRange, Job, Seal, SealedHead
from jobs.system_log.stream import record_upkeep

Advance = Callable[[int], None]
ROWS_AT_ONCE = 1000
JOBS_AT_ONCE = 50  # their plans may be long
SUFFIX = ".ndjson.zst"


class Unfit(RepriseError):
    """The month's events are not what their jobs say: nothing is archived."""


@dataclass(frozen=True, slots=True)
class Range:
    """A frame that has been written: as an ArchivedRange."""

    job: UUID
    first: int
    last: int
    offset: int
    length: int


@dataclass(slots=True)
class Packer:
    """Packs exports into a file, frame by frame."""

    file: IO[bytes]
    ranges: list[Range] = field(default_factory=list)
    jobs: int = 0
    events: int = 0
    size: int = 0
    _compressor: zstandard.ZstdCompressor = field(
        default_factory=lambda: zstandard.ZstdCompressor(LEVEL, write_checksum=True)
    )

    def add(self, header: Header, texts: Iterator[str]) -> None:
        """Pack one job; Misfit if its chain does not hold or does not end as its row says."""
        chain = Chain(header)
        lines, size = [header.line()], 0
        first = 1
        for text in texts:
            chain.add(text)
            lines.append(text)
            size += len(text)
            if chain.seq - first + 1 >= MOST_EVENTS or size >= MOST_BYTES:
                self._add_frame(header.job, first, chain.seq, lines)
                lines, size, first = [], 0, chain.seq + 1
        chain.end()
        if lines:
            self._add_frame(header.job, first, chain.seq, lines)
        self.jobs += 1
        self.events += chain.seq

    def _add_frame(self, job: UUID, first: int, last: int, lines: list[str]) -> None:
        packed = self._compressor.compress("".join(f"{line}\n" for line in lines).encode())
        self.file.write(packed)
        self.ranges.append(Range(job, first, last, self.size, len(packed)))
        self.size += len(packed)


def write_month(month: Month, advance: Advance) -> Archive:
    """Write a month's file and seals to the storage and record them; return the new row.

    Raises Unfit if the events are not whole. Every job of the month must be over.
    """
    with _temporary_file() as file:
        packer = Packer(file)
        _pack_month(month, packer, advance)
        digest = _file_digest(file)
        name = save_file(f"events-{month}-{digest[:12]}{SUFFIX}", file, digest)
    seals = _put_seals(month, digest)
    return _record_archive(month, packer, name, seals, digest)


def seal_lines(month: Month) -> Iterator[str]:
    """Yield the seals that vouch for a month's jobs, whole, as lines: each, then all its heads.

    All of its heads, of other months too, since it signs them together.
    """
    low, high = month.bounds
    ours = SealedHead.objects.filter(job__gte=low, job__lt=high)
    for seal in Seal.objects.filter(pk__in=ours.values("seal")).order_by("pk"):
        yield json.dumps({"seal": seal.number, "at": seal.at.isoformat(), "text": seal.text})
        for head in seal.heads.order_by("job", "seq"):
            members = {"job": str(head.job), "seq": head.seq, "hash": head.hash}
            yield json.dumps({"seal": seal.number, **members})


def save_file(name: str, file: IO[bytes], digest: str) -> str:
    """Save a file under a name that holds its digest; return the name that the storage gave it."""
    where = archive_storage()
    if where.exists(name):
        with where.open(name, "rb") as found:
            if _file_digest(found) == digest:
                return name
        where.delete(name)  # what an interrupted try left: its content is not what its name says
    file.seek(0)
    return where.save(name, File(file, name))


def rows_of(month: Month) -> Iterator[Job]:
    """Yield a month's job rows by id, each with its team and owner, in constant memory.

    Not those whose events went with an archive before.
    """
    low, high = month.bounds
    gone = ArchivedRange.objects.filter(job=OuterRef("pk"), archive__dropped_at__isnull=False)
    jobs = Job.objects.select_related("team", "owner").order_by("pk").exclude(Exists(gone))
    page = list(jobs.filter(pk__gte=low, pk__lt=high)[:JOBS_AT_ONCE])
    while page:
        yield from page
        page = list(jobs.filter(pk__gt=page[-1].pk, pk__lt=high)[:JOBS_AT_ONCE])


def _pack_month(month: Month, packer: Packer, advance: Advance) -> None:
    rows = rows_of(month)
    for job_id, events in groupby(months.month_rows(month), key=itemgetter(0)):
        row = next(rows, None)
        if row is None or row.pk != job_id:
            other = min(job_id, row.pk) if row else job_id
            raise Unfit(f"Job {other} has a row and no events, or events and no row.")
        before = packer.events
        try:
            packer.add(header_of(row), (text for _job, _seq, text in events))
        except Misfit as error:
            raise Unfit(f"Job {job_id}: {error}. `manage.py verify` says more.") from error
        advance(packer.events - before)
    if (row := next(rows, None)) is not None:
        raise Unfit(f"Job {row.pk} has a row and no events.")


def _put_seals(month: Month, digest: str) -> str:
    with _temporary_file() as file:
        with zstandard.ZstdCompressor(LEVEL).stream_writer(file, closefd=False) as packed:
            lines = 0
            for line in seal_lines(month):
                packed.write(f"{line}\n".encode())
                lines += 1
        if not lines:
            return ""
        name = f"events-{month}-{digest[:12]}.seals-{_file_digest(file)[:12]}{SUFFIX}"
        return save_file(name, file, _file_digest(file))


def _record_archive(month: Month, packer: Packer, name: str, seals: str, digest: str) -> Archive:
    with transaction.atomic():
        archive = Archive.objects.create(
            month=month.first, name=name, seals=seals, jobs=packer.jobs, events=packer.events,
            size=packer.size, sha256=digest,
        )  # fmt: skip
        ranges = (ArchivedRange(archive=archive, **asdict(one)) for one in packer.ranges)
        ArchivedRange.objects.bulk_create(ranges, batch_size=ROWS_AT_ONCE)
        said = f"Archived {month}: {counted(packer.events, 'event')} in {name}"
        record_upkeep("archive", said)
    return archive


@contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    # In the state folder: /tmp may be memory, and a month is large.
    state = settings.REPRISE.state
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=state) as file:
        yield file


def _file_digest(file: Any) -> str:
    file.seek(0)
    return file_digest(file, "sha256").hexdigest()
