"""What one attempt writes: its events, in order, under its fence, with as few commits as can be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

from core.errors import RepriseError
from core.user_code import plain_data
from jobs.events import NewEvent
from jobs.log import Append, Appended, Cursor, LeaseLost, cursor_of
from jobs.secrets.thread import mask_in_thread
from jobs.secrets.vault import Vault

# Larger results are written at once: one that is refused must be refused to its own step.
MAX_DEFERRED_CHARS = 8 * 1024

OnReceipt = Callable[[Appended], None]


class EventWriter(Protocol):
    """What a run appends through: a worker's `jobs.log.writer.Writer`, or a replay's."""

    async def append(self, wish: Append) -> Appended:
        """Append and return the receipt once it is committed; raises as `jobs.log.append`."""


class RunLog:
    """Appends an attempt's events, and holds back the end of a step for the next append.

    A step's success and the start of the step after it are then one transaction. Nothing acts in
    between: the next step's function is called after that commit, and a handler that waits for
    anything else has what is held back written meanwhile. `on_receipt` hears of each commit.
    """

    def __init__(
        self,
        job: UUID,
        fence: int,
        actor: str,
        writer: EventWriter,
        vault: Vault,
        on_receipt: OnReceipt,
    ) -> None:
        self._job = job
        self._fence = fence
        self._actor = actor
        self._writer = writer
        self._vault = vault
        self._on_receipt = on_receipt
        self._last: Cursor | None = None  # the newest event that we were told is stored
        self._deferred: list[NewEvent] = []
        self._due: asyncio.Handle | None = None
        self._writing: asyncio.Task[Appended] | None = None  # of what was deferred, the last such

    @property
    def has_deferred(self) -> bool:
        """Whether something waits for the next append."""
        return bool(self._deferred)

    async def append(
        self,
        events: Sequence[NewEvent],
        statuses: frozenset[str] | None = None,
        exact_time: bool = False,
    ) -> Appended:
        """Append what was deferred and `events`, in one transaction; raises as `jobs.log.append`.

        Where `events` are refused, what was deferred is written by itself before that is raised.
        """
        if self._deferred or self._writing:
            return await asyncio.shield(self.start_append(events, statuses, exact_time))
        write = self._write(events, statuses, exact_time)
        # Cancelled while they are masked, they are appended all the same.
        return await (asyncio.shield(write) if self._vault.masks else write)

    def start_append(
        self,
        events: Sequence[NewEvent],
        statuses: frozenset[str] | None = None,
        exact_time: bool = False,
    ) -> asyncio.Task[Appended]:
        """Begin to append, as `append`; the task goes on when whoever waits for it is cancelled."""
        deferred, self._deferred = self._deferred, []
        work = self._write_after(self._writing, deferred, events, statuses, exact_time)
        self._writing = asyncio.create_task(work)
        self._writing.add_done_callback(self._note_written)
        return self._writing

    def defer(self, events: Sequence[NewEvent]) -> None:
        """Have events written with the next append, or soon, if there is none at once."""
        self._deferred += events
        self._due = asyncio.get_running_loop().call_soon(self._write_deferred)

    def await_ending(self) -> None:
        """Keep what was deferred for the run's last append: its handler has ended."""
        if self._due:
            self._due.cancel()

    async def settle(self) -> None:
        """Write what was deferred, and wait for what is on its way; a lost lease says nothing."""
        self._write_deferred()
        while (writing := self._writing) is not None:
            await asyncio.wait({writing})

    def _write_deferred(self) -> None:
        if self._deferred:
            self.start_append([])

    def _note_written(self, task: asyncio.Task[Appended]) -> None:
        if not task.cancelled():
            task.exception()  # who waits for it is told; the next append meets a lost lease too
        if self._writing is task:
            self._writing = None

    async def _write_after(
        self,
        before: asyncio.Task[Appended] | None,
        deferred: list[NewEvent],
        events: Sequence[NewEvent],
        statuses: frozenset[str] | None,
        exact_time: bool,
    ) -> Appended:
        if before is not None:
            await asyncio.wait({before})
        try:
            return await self._write([*deferred, *events], statuses, exact_time)
        except LeaseLost:
            raise
        except RepriseError:
            if deferred and events:
                await self._write(deferred, None, exact_time=False)
            raise

    async def _write(
        self, events: Sequence[NewEvent], statuses: frozenset[str] | None, exact_time: bool
    ) -> Appended:
        plain = [replace(event, data=plain_data(event.data)) for event in events]
        said = await mask_in_thread(self._vault.masks, self._vault.masked, plain)
        append = Append(
            self._job, said, self._actor, self._fence, statuses=statuses, exact_time=exact_time,
            follows=self._last,
        )  # fmt: skip
        receipt = await self._writer.append(append)
        if receipt.texts and (self._last is None or receipt.last > self._last.seq):
            self._last = Cursor.parse(cursor_of(receipt.texts[-1]))
        self._on_receipt(receipt)
        return receipt


def may_defer(data: dict[str, Any]) -> bool:
    """Return whether an event with this data is certain to be stored, so that it may wait."""
    try:
        return len(json.dumps(data, allow_nan=False)) <= MAX_DEFERRED_CHARS
    except (TypeError, ValueError, RecursionError):
        return False
