"""Work that is not to be cut short, however often its caller is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns. Cancelled, raise that, but not before `work` has ended.

    One that cannot renew its lease is cancelled again and again: what starts or ends a command must
    not stop half-way, or the command goes on and nobody knows it.
    """
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # nobody asks for it any more
    raise cancelled
