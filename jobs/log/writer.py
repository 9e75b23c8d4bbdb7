"""Group commit: one thread drains every waiting append of a worker's runs into one transaction.

Each caller is answered after the commit. A bad append fails alone. Where the outcome of a commit is
unknown (the connection broke), the batch is tried again: every append carries an `append_id`, so
nothing is stored twice.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from uuid import UUID, uuid4

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection

from core.db import leave_pool
from core.errors import RepriseError
from jobs.log import Append, Appended, append_many
from jobs.log.known_rows import KnownRows

logger = logging.getLogger(__name__)

MAX_BATCH = 512
PATIENT_ROUNDS = 20
RETRY_SECONDS = 0.2


@dataclass(slots=True)
class _Waiting:
    wish: Append
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Appended]
    is_new: bool  # whether its append_id is, so that nothing can be stored under it
    skipped: int = 0

    def answer(self, result: Appended | RepriseError) -> None:
        """Answer the caller; on its own loop only."""
        if self.done.done():
            return  # the caller was cancelled; what it asked for is in the log all the same
        if isinstance(result, RepriseError):
            self.done.set_exception(result)
        else:
            self.done.set_result(result)


class Writer:
    """The writer thread of one worker. `append` from any event loop; `stop` writes what waits."""

    def __init__(self) -> None:
        self.commits = 0
        self.appends = 0
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._ids = count(uuid4().int)
        self._known = KnownRows()
        self._taken: deque[tuple[Appended, int]] = deque()
        self._thread = threading.Thread(target=self._serve_batches, name="writer", daemon=True)
        self._thread.start()

    async def append(self, wish: Append) -> Appended:
        """Append and return the receipt once it is committed; raises as `jobs.log.append`."""
        loop = asyncio.get_running_loop()
        tagged = wish if wish.append_id else replace(wish, append_id=self._new_id())
        waiting = _Waiting(tagged, loop, loop.create_future(), is_new=tagged is not wish)
        with self._wake:
            self._queue.append(waiting)
            self._wake.notify()
        return await waiting.done

    def _new_id(self) -> UUID:
        """Return the next id of a row that begins at random; chance for each is a system call."""
        return UUID(int=next(self._ids) % 2**128)

    def note_row(self, receipt: Appended, fence: int) -> None:
        """Take in how a job's row is that has just been taken under this fence; from any thread."""
        self._taken.append((receipt, fence))

    def stop(self, timeout: float = 5.0) -> None:
        """Write what waits and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout)

    def _serve_batches(self) -> None:
        leave_pool()
        while batch := self._take_batch():
            try:
                self._write_batch(batch)
            except Exception:  # the loop's edge: nobody else answers these callers
                logger.exception("append failed", extra={"action": "append"})
                lost = RepriseError("The event could not be stored.")
                _answer_callers((waiting, lost) for waiting in batch)
        connection.close()

    def _take_batch(self) -> list[_Waiting]:
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            size = min(len(self._queue), MAX_BATCH)
            return [self._queue.popleft() for _ in range(size)]

    def _write_batch(self, batch: list[_Waiting]) -> None:
        patient = any(waiting.skipped >= PATIENT_ROUNDS for waiting in batch)
        try:
            self._commit_batch(batch, skip_locked=not patient)
        except Error as error:
            logger.warning("batch of %d failed, one by one: %s", len(batch), error)
            connection.close()
            for waiting in batch:
                self._write_alone(waiting)

    def _write_alone(self, waiting: _Waiting) -> None:
        """Write one append, as often as it takes: a worker that cannot write loses its lease."""
        where = {"action": "append", "job": waiting.wish.job}
        while not waiting.done.cancelled():
            try:
                return self._commit_batch([waiting], skip_locked=False)
            except (OperationalError, InterfaceError) as error:
                logger.warning("append failed, trying again: %s", error, extra=where)
                connection.close()
                time.sleep(RETRY_SECONDS)
            except DatabaseError as error:
                logger.exception("append refused", extra=where)
                refused = RepriseError(f"The database refused the event: {error}")
                return _answer_callers([(waiting, refused)])

    def _commit_batch(self, batch: Sequence[_Waiting], *, skip_locked: bool) -> None:
        results = self._append(batch, skip_locked=skip_locked)
        self.commits += 1
        self.appends += len(batch)
        left = [waiting for waiting, result in zip(batch, results, strict=True) if result is None]
        for waiting in left:
            waiting.skipped += 1
        _answer_callers(
            (waiting, result)
            for waiting, result in zip(batch, results, strict=True)
            if result is not None
        )
        if left:  # their rows are locked by somebody else: next round, in their order
            with self._wake:
                self._queue.extendleft(reversed(left))

    def _append(
        self, batch: Sequence[_Waiting], *, skip_locked: bool
    ) -> list[Appended | RepriseError | None]:
        """Append to rows that are as they are known to be, then to the others, which are read."""
        while self._taken:
            self._known.learn_row(*self._taken.popleft())
        wishes = [waiting.wish for waiting in batch]
        results: list[Appended | RepriseError | None] = [None for _ in wishes]
        if skip_locked and all(waiting.is_new for waiting in batch):
            results[:] = self._known.append(wishes)
        left = [place for place, result in enumerate(results) if result is None]
        if left:
            found = append_many([wishes[place] for place in left], skip_locked=skip_locked)
            for place, result in zip(left, found, strict=True):
                results[place] = result
        self._known.learn(wishes, results)
        return results


_Answer = tuple[_Waiting, Appended | RepriseError]


def _answer_callers(answers: Iterable[_Answer]) -> None:
    """Hand each caller its answer: one wake-up of a loop, however many wait there."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for waiting, result in answers:
        by_loop.setdefault(waiting.loop, []).append((waiting, result))
    for loop, due in by_loop.items():
        loop.call_soon_threadsafe(_answer_all, due)


def _answer_all(due: list[_Answer]) -> None:
    for waiting, result in due:
        waiting.answer(result)
