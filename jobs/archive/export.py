"""Exports of single jobs: made from row and log, and their files, plain or zstd.

Which of the two a file is, its first bytes tell. All of it is in constant memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from uuid import UUID

import zstandard

from core.errors import HistoryExpired, NotFound
from core.files import whole_file
from jobs import log
from jobs.archive.format import BadExport, header_of
from jobs.log.read import PAGE_EVENTS
from jobs.models import Job

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
LEVEL = 9
# An event is at most 64 KiB, a header's params are what a request of 1 MiB had.
LONGEST_LINE = 4 * 1024 * 1024


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


def read_lines(file: BinaryIO) -> Iterator[str]:
    """Yield a file's lines without their breaks; BadExport for one that no export has."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if not line.endswith(b"\n"):
            raise BadExport(f"line {number}: no line end: is the file truncated?")
        if b"\0" in line:
            raise BadExport(f"line {number}: it has a NUL")
        try:
            yield line[:-1].decode()
        except UnicodeDecodeError as error:
            raise BadExport(f"line {number}: it is not UTF-8") from error


@contextmanager
def open_export(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read, decompressed where it is zstd; BadExport if that is damaged."""
    with path.open("rb") as raw:
        if raw.read(len(ZSTD_MAGIC)) != ZSTD_MAGIC:
            raw.seek(0)
            yield raw
            return
        raw.seek(0)
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        try:
            yield cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", reader), 1 << 20))
        except zstandard.ZstdError as error:
            raise BadExport(f"its compression is damaged: {error}") from error


@contextmanager
def create_export(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, compressed where its name ends in `.zst`; there only when complete."""
    with whole_file(path) as raw:
        if path.suffix == ".zst":
            with zstandard.ZstdCompressor(LEVEL).stream_writer(raw, closefd=False) as packed:
                yield cast("BinaryIO", packed)
        else:
            yield raw
