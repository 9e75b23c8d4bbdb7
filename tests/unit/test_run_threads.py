"""Plain functions in threads: a run that is ended waits for them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from jobs.run.control import RunControl
from jobs.run.threads import in_thread
from tests.support.waiting import auntil


async def test_a_plain_function_is_waited_for_however_often_its_run_is_cancelled() -> None:
    """A worker that cannot renew a lease cancels its run again and again."""
    began, go, asked = threading.Event(), threading.Event(), list[int | None]()

    def work() -> None:
        began.set()
        go.wait()

    async def end(thread: int | None) -> None:
        asked.append(thread)

    run = RunControl()
    own = asyncio.create_task(in_thread(run, end, work))
    await auntil(began.is_set, "the function's begin")
    for _ in range(3):
        own.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (own.done(), run.busy_threads) == (False, 1)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await own
    assert len(asked) == 3
    assert run.busy_threads == 0
