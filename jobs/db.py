"""Django's database from an event loop that is no request: short calls in a few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="db")
_urgent = ThreadPoolExecutor(max_workers=1, thread_name_prefix="db-urgent")


async def in_thread(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` in a thread that gives its connection back to the pool afterwards."""
    return await _run(_threads, partial(fn, *args, **kwargs))


async def urgently(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_thread`, in a thread where nothing long waits before it; for heartbeats."""
    return await _run(_urgent, partial(fn, *args, **kwargs))


async def _run(threads: ThreadPoolExecutor, fn: Callable[[], T]) -> T:
    def call() -> T:
        try:
            return fn()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, call)
