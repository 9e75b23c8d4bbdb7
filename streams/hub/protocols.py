"""What a hub is given: a reader of the log, and what else this process hears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from jobs.log import Cursor, Head, Page
from streams.hub.listener import Message


class Reader(Protocol):
    """What is used of `jobs.log.AsyncReader`. Each read raises one of AWAY without Postgres."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def read(self, job_id: UUID, after: int, limit: int) -> Page: ...
    async def heads(self, job_ids: Iterable[UUID]) -> dict[UUID, Head]: ...
    async def check_cursor(self, job_id: UUID, cursor: Cursor) -> Head: ...


class Listener(Protocol):
    """What else this process hears: the messages of one group, and a task that is kept going."""

    def hear(self, message: Message) -> None: ...
    async def run(self) -> None: ...
