"""Reading the log from an event loop, over a small pool of connections of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Self
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from jobs.log import archived_events, sql
from jobs.log.read import PAGE_EVENTS, compare_cursor, hash_of, match_hash, page_values
from jobs.log.types import PAGE_BYTES, Cursor, Head, Page


class AsyncReader:
    """The log's async reader: the statements of `jobs.log.read` over its own connections.

    Every read raises psycopg.OperationalError (or PoolTimeout, one) while Postgres is away; the
    pool reconnects by itself, so a caller need only try again.
    """

    def __init__(self, conninfo: str, *, size: int = 4, timeout: float = 5.0) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            timeout=timeout,
            open=False,
            check=AsyncConnectionPool.check_connection,
            kwargs={"autocommit": True, "application_name": "reprise-hub"},
            reconnect_timeout=5.0,
        )
        self.queries = 0
        self._wanted: dict[UUID, list[asyncio.Future[Head | None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the pool; connections are made in the background."""
        await self._pool.open()

    async def close(self) -> None:
        """Close every connection."""
        if self._asking is not None:
            self._asking.cancel()
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read(
        self, job_id: UUID, after: int = 0, limit: int = PAGE_EVENTS, most_bytes: int = PAGE_BYTES
    ) -> Page:
        """Return a page, as `jobs.log.read`; it ends early where its texts come to `most_bytes`."""
        values = page_values(job_id, after, limit, most_bytes)
        large = limit > PAGE_EVENTS or most_bytes < PAGE_BYTES
        [(cut, last, lines)] = await self.fetch(sql.LARGE_PAGE if large else sql.PAGE, values)
        if cut and not lines:
            [(cut, last, lines)] = await self.fetch(sql.LARGE_PAGE, values)
        if lines:
            return Page(after, last, lines, cut)
        return await self._archived_page(job_id, after, limit, most_bytes)

    async def heads(self, job_ids: Iterable[UUID]) -> dict[UUID, Head]:
        """Return the heads of those of the jobs that exist: one query however many there are."""
        rows = await self.fetch(sql.HEADS, [list(job_ids)])
        return {row[0]: Head(row[1], row[2], row[3]) for row in rows}

    async def head(self, job_id: UUID) -> Head | None:
        """Return the job's head, None for an unknown job.

        Calls made while a query is under way share the next one: with a query each, a thousand
        followers that come back at once would wait for connections.
        """
        found: asyncio.Future[Head | None] = asyncio.get_running_loop().create_future()
        self._wanted.setdefault(job_id, []).append(found)
        if self._asking is None:
            self._asking = asyncio.create_task(self._query_heads())
        return await found

    async def _query_heads(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                await self._answer_heads(wanted)
        finally:
            self._asking = None

    async def _answer_heads(self, wanted: dict[UUID, list[asyncio.Future[Head | None]]]) -> None:
        heads: dict[UUID, Head] = {}
        failure: Exception | None = None
        try:
            heads = await self.heads(wanted)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            failure = error
        for job_id, waiting in wanted.items():
            for found in waiting:
                if found.done():
                    continue  # the caller has given up
                if failure is None:
                    found.set_result(heads.get(job_id))
                else:
                    found.set_exception(failure)

    async def check_cursor(self, job_id: UUID, cursor: Cursor) -> Head:
        """Return the head where `cursor` is a place in this log, as `jobs.log.check_cursor`."""
        found = compare_cursor(await self.head(job_id), cursor)
        if cursor.hash8:
            rows = await self.fetch(sql.HASH_AT, [job_id, cursor.seq])
            row = rows[0] if rows else hash_of(await self._archived_page(job_id, cursor.seq - 1, 1))
            match_hash(row, cursor)
            found = replace(found, cursor_hash=row[0] if row else "")
        if archived_events.may_be(job_id, found, cursor):
            needed = await self.fetch(archived_events.NEEDED, {"job": job_id, "after": cursor.seq})
            await asyncio.to_thread(archived_events.check_there, needed)
        return found

    async def hashes(self, job_id: UUID, seqs: Sequence[int]) -> dict[int, str]:
        """Return the hashes of the job's events with these ascending seqs.

        Of an archived job perhaps only those of the first: ask for the others again.
        """
        rows = await self.fetch(sql.HASHES_AT, [job_id, list(seqs)])
        if rows or not seqs:
            return dict(rows)
        values = {"job": job_id, "after": seqs[0] - 1, "limit": seqs[-1] - seqs[0] + 1}
        places = await self.fetch(archived_events.PLACES, values)
        return await asyncio.to_thread(archived_events.hashes_of_places, places, seqs)

    async def read_packed(self, job_id: UUID, after: int, last: int) -> tuple[bytes, str] | None:
        """Return a page as an archive has it, compressed by zstd, and its text.

        None if the job is not archived, or no frame has just these events.
        """
        if not archived_events.is_old(job_id):
            return None
        values = {"job": job_id, "after": after, "limit": last - after}
        places = await self.fetch(archived_events.PLACES, values)
        return await asyncio.to_thread(archived_events.packed_page, after, last, places)

    async def _archived_page(
        self, job_id: UUID, after: int, limit: int, most_bytes: int = PAGE_BYTES
    ) -> Page:
        values = {"job": job_id, "after": after, "limit": limit}
        places = await self.fetch(archived_events.PLACES, values)
        if not places:
            return Page(after, after, "")
        return await asyncio.to_thread(
            archived_events.page_of_places, after, limit, places, most_bytes
        )

    async def fetch(self, statement: str, values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that only reads; each call is one round trip."""
        self.queries += 1
        async with self._pool.connection() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()
