"""Pages of history as they are kept: made once, bounded, of one history, and listed to the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

import psycopg
import pytest
import zstandard

from core.errors import HistoryDiverged, Unavailable
from jobs.log import Cursor, Head, Page
from streams.counters import Counters
from streams.hub.coded_pages import CodedPages, PageKey
from streams.transports.pages import MOST_LISTED, list_pages

JOB = UUID("0192f3c1-0000-7000-8000-000000000001")
ZSTD, IDENTITY = "zstd", "identity"
BOUND = 1024 * 1024


def hash_of(seq: int, history: str = "a") -> str:
    return f"{seq:063x}{history}"


def text_of(seq: int, history: str = "a") -> str:
    return f'{{"seq":{seq},"data":"{"x" * 50}","hash":"{hash_of(seq, history)}"}}'


def key(last: int, history: str = "a") -> PageKey:
    return PageKey(JOB, last - 1000, last, hash_of(last, history))


class Log:
    """A log in memory that counts what is read of it; it is away while `away`."""

    def __init__(self, head: int = 5000) -> None:
        self.head, self.history, self.away, self.reads = head, "a", False, 0
        self.most_hashes = MOST_LISTED
        self.cut = False
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def read(self, job_id: UUID, after: int, limit: int) -> Page:
        self.reads += 1
        self.asked.set()
        await self.open.wait()
        if self.away:
            raise psycopg.OperationalError
        last = min(after + (limit // 2 if self.cut else limit), self.head)
        texts = [text_of(seq, self.history) for seq in range(after + 1, last + 1)]
        return Page(after, last, "\n".join(texts), self.cut)

    async def read_packed(self, job_id: UUID, after: int, last: int) -> None:
        return None

    async def hashes(self, job_id: UUID, seqs: Sequence[int]) -> dict[int, str]:
        if self.away:
            raise psycopg.OperationalError
        return {seq: hash_of(seq, self.history) for seq in seqs[: self.most_hashes]}


@pytest.fixture
async def log() -> Log:
    return Log()


@pytest.fixture
async def made(log: Log) -> CodedPages:
    return CodedPages(log, Counters(), BOUND)


async def test_a_page_is_read_once_while_it_is_kept(log: Log, made: CodedPages) -> None:
    bodies = [await made.body(key(2000), ZSTD) for _ in range(3)]
    assert log.reads == 1
    wanted = "".join(f"{text_of(seq)}\n" for seq in range(1001, 2001)).encode()
    assert {zstandard.ZstdDecompressor().decompress(body or b"") for body in bodies} == {wanted}
    assert await made.body(key(2000), IDENTITY) == wanted


async def test_what_is_kept_is_bounded_in_bytes(log: Log) -> None:
    size = len(await CodedPages(log, Counters(), BOUND).body(key(1000), IDENTITY) or b"")
    made, log.reads = CodedPages(log, Counters(), 2 * size + size // 2), 0
    for last in (1000, 2000, 1000, 3000, 1000, 2000):
        assert await made.body(key(last), IDENTITY)
    assert log.reads == 4  # 3000 took the place of 2000, which had been asked for least lately


@pytest.mark.parametrize("bound", [0, 1000])
async def test_where_nothing_may_be_kept_pages_come_all_the_same(log: Log, bound: int) -> None:
    made = CodedPages(log, Counters(), bound)
    assert [bool(await made.body(key(1000), IDENTITY)) for _ in range(2)] == [True, True]
    assert log.reads == 2


async def test_who_leaves_takes_the_page_from_nobody(log: Log, made: CodedPages) -> None:
    log.open.clear()
    asking = [asyncio.create_task(made.body(key(1000), ZSTD)) for _ in range(3)]
    await log.asked.wait()
    asking[0].cancel()
    await asyncio.sleep(0)
    log.open.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1] == found[2] != b""
    assert log.reads == 1


async def test_a_failure_is_told_to_all_who_wait_and_not_kept(log: Log, made: CodedPages) -> None:
    log.away = True
    found = await asyncio.gather(
        *(made.body(key(1000), ZSTD) for _ in range(2)), return_exceptions=True
    )
    assert [type(each) for each in found] == [Unavailable, Unavailable]
    with pytest.raises(Unavailable):
        await made.hashes(JOB, [1000])
    log.away = False
    assert await made.body(key(1000), ZSTD)


async def test_a_page_of_another_history_is_not_made(log: Log, made: CodedPages) -> None:
    assert await made.body(key(1000), ZSTD)
    log.history = "b"
    with pytest.raises(HistoryDiverged):
        await made.body(key(2000), ZSTD)
    assert await made.body(key(1000, "b"), ZSTD) != await made.body(key(1000), ZSTD)


async def test_what_went_back_is_no_page(log: Log, made: CodedPages) -> None:
    log.head = 1500
    for last in (2000, 4000):
        with pytest.raises(HistoryDiverged):
            await made.body(key(last), ZSTD)


async def test_a_page_too_large_is_looked_at_once(log: Log, made: CodedPages) -> None:
    log.cut = True
    assert [await made.body(key(1000), ZSTD) for _ in range(3)] == [None] * 3
    assert log.reads == 1


@pytest.mark.parametrize("most", [MOST_LISTED, 700, 1])
async def test_a_list_goes_on_where_an_answer_ends(log: Log, most: int) -> None:
    pages = 12 if most == 1 else MOST_LISTED + 5
    log.head, log.most_hashes = pages * 1000 + 123, most
    made, after, listed = CodedPages(log, Counters(), BOUND), 0, []
    while True:
        head = Head(log.head, hash_of(log.head), "running")
        found = json.loads(await list_pages(made, JOB, Cursor(after), head))
        listed += found["pages"]
        if found["next"] is None:
            break
        assert len(found["pages"]) == most
        after = found["next"]
    assert listed == [f"{last}-00000000" for last in range(1000, log.head, 1000)]
