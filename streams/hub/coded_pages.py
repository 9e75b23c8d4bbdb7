"""Pages of history as they are sent: a thousand events of a job, compressed once for all who ask.

A page is known by the hash of its last event, which stands for all events before it, so one that is
kept is never of another history. What comes to more than ANSWER_BYTES as it is sent is not kept: it
is made while it is sent (`streams.transports.pages`).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import zstandard
from cachetools import FIFOCache, LRUCache

from core.errors import HistoryDiverged, Unavailable
from jobs.log import Page
from jobs.log.types import ANSWER_BYTES
from streams.counters import Counters
from streams.hub.page_cache import AWAY, READ_SECONDS
from streams.wire import hash_of

PAGE_EVENTS = 1000
GZIP, ZSTD = "gzip", "zstd"
# On real output these levels take about as long as Postgres takes to read a page.
ZSTD_LEVEL, GZIP_LEVEL = 3, 6
GZIP_FORMAT = 31  # of zlib: a gzip header and the largest window
# How many pages are read and compressed at a time: others in this process want the CPU, too.
MADE_AT_ONCE = 2
MOST_LARGE = 4096


class PageKey(NamedTuple):
    """The events of a job after `after` up to `last`, whose hash is this one (64 hex digits)."""

    job: UUID
    after: int
    last: int
    hash: str


class Reader(Protocol):
    """What is used of `jobs.log.AsyncReader`. Each read raises one of AWAY without Postgres."""

    async def read(self, job_id: UUID, after: int, limit: int) -> Page: ...
    async def hashes(self, job_id: UUID, seqs: Sequence[int]) -> dict[int, str]: ...
    async def read_packed(
        self, job_id: UUID, after: int, last: int
    ) -> tuple[bytes, str] | None: ...


class Coder(Protocol):
    """Compresses what is too long to be compressed at once."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Uncoded:
    """The coder that changes nothing."""

    def compress(self, data: bytes) -> bytes:
        """Return the same."""
        return data

    def flush(self) -> bytes:
        """Return nothing: all has been returned."""
        return b""


def make_coder(coding: str) -> Coder:
    """Return what compresses a long text, a part at a time."""
    match coding:
        case "zstd":
            return zstandard.ZstdCompressor(ZSTD_LEVEL).compressobj()
        case "gzip":
            return zlib.compressobj(GZIP_LEVEL, wbits=GZIP_FORMAT)
    return Uncoded()


class CodedPages:
    """The pages of a process, up to `most_bytes` of them, and those being made."""

    def __init__(self, reader: Reader, counters: Counters, most_bytes: int) -> None:
        self._reader = reader
        self._counters = counters
        self._kept: LRUCache[tuple[PageKey, str], bytes] = LRUCache(most_bytes, getsizeof=len)
        self._making: dict[tuple[PageKey, str], asyncio.Task[bytes | None]] = {}
        self._large: FIFOCache[tuple[PageKey, str], bool] = FIFOCache(MOST_LARGE)
        self._turns = asyncio.Semaphore(MADE_AT_ONCE)

    async def hashes(self, job: UUID, seqs: Sequence[int]) -> dict[int, str]:
        """Return the hashes of these events; see `AsyncReader.hashes`. Raises Unavailable."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._reader.hashes(job, seqs)
        except AWAY as error:
            raise Unavailable from error

    async def body(self, page: PageKey, coding: str) -> bytes | None:
        """Return a page as it is sent; None if it is too large for that.

        Raises HistoryDiverged if the log has another page there, HistoryExpired if it is gone with
        its archive, Unavailable without Postgres.
        """
        if (kept := self._kept.get((page, coding))) is not None:
            self._counters.add("pages_kept")
            return kept
        if (page, coding) in self._large:
            return None
        return await asyncio.shield(self.start(page, coding))

    def start(self, page: PageKey, coding: str) -> asyncio.Task[bytes | None]:
        """Begin to make a page that will be wanted, or find it being made."""
        key = page, coding
        if (making := self._making.get(key)) is None:
            making = self._making[key] = asyncio.create_task(self._make(page, coding))
            making.add_done_callback(lambda done: self._note_made(key, done))
        return making

    def ahead(self, pages: Sequence[PageKey], coding: str) -> None:
        """Begin to make those of the pages that are not there."""
        for page in pages:
            if (page, coding) not in self._kept and (page, coding) not in self._large:
                self.start(page, coding)

    async def _make(self, page: PageKey, coding: str) -> bytes | None:
        async with self._turns:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    found = await self._read(page, coding)
            except AWAY as error:
                self._counters.add("read_failures", "pages")
                raise Unavailable from error
            if isinstance(found, bytes) or found is None:
                return found
            body = await asyncio.to_thread(_code_page, found, coding)
        self._counters.add("pages_made", coding)
        return body if len(body) <= ANSWER_BYTES else None

    async def _read(self, page: PageKey, coding: str) -> Page | bytes | None:
        """Return a page, or its body if an archive has that; None if it is too large."""
        job, after, last, hash = page
        if after == last:
            return Page(after, last, "")
        if coding == ZSTD and (packed := await self._reader.read_packed(job, after, last)):
            body, text = packed
            _check_hash(text, hash)
            return body
        found = await self._reader.read(job, after, last - after)
        if found.last < last and found.cut:
            return None
        _check_hash(found.lines, hash)
        return found

    def _note_made(self, key: tuple[PageKey, str], done: asyncio.Task[bytes | None]) -> None:
        del self._making[key]
        if done.cancelled() or done.exception() is not None:
            return  # who waits for it is told
        body = done.result()
        if body is None:
            self._large[key] = True
        elif len(body) <= self._kept.maxsize:
            self._kept[key] = body


def _check_hash(text: str, hash: str) -> None:
    if hash_of(text) != hash:
        raise HistoryDiverged


def _code_page(page: Page, coding: str) -> bytes:
    raw = f"{page.lines}\n".encode() if page.lines else b""
    match coding:
        case "zstd":  # with its length, so that a reader makes room for it once
            return zstandard.ZstdCompressor(ZSTD_LEVEL).compress(raw)
        case "gzip":
            return zlib.compress(raw, GZIP_LEVEL, wbits=GZIP_FORMAT)
    return raw
