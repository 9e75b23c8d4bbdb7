"""Django's database from an event loop that is no request: short calls in a few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="db")
_urgent = ThreadPoolExecutor(max_workers=1, thread_name_prefix="db-urgent")


def leave_pool() -> None:
    """Give this thread a connection of its own instead of one of the pool's, for good.

    After an outage the pool tries again after one second, then two, then four; who may not wait
    so long connects by himself.
    """
    own = connections.create_connection("default")
    options = {
        name: value for name, value in own.settings_dict["OPTIONS"].items() if name != "pool"
    }
    own.settings_dict = {**own.settings_dict, "OPTIONS": options}
    connections["default"] = own


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
