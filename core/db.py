"""Django's database from an event loop that is no request: short calls in a few threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    close_old_connections,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import ReadOnlySqlTransaction

from core.user_code import Caught, caught

P = ParamSpec("P")
T = TypeVar("T")

# What Django raises while the database is away, or has just been.
AWAY = (OperationalError, InterfaceError)
AWAY_SECONDS = 60.0
TARGET, WRITES, PRIMARY = "target_session_attrs", "read-write", "primary"
READ_ONLY = "-c default_transaction_read_only=on"
FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.1, 2.0

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="db")


def leave_pool() -> None:
    """Give this thread a connection of its own, not one of the pool's, for as long as it lasts.

    After an outage the pool tries again every second, together with all others that wait for it; a
    thread that may not wait connects by itself. The connection is kept, and checked before reuse.
    Harmless if the thread has left already.
    """
    settings = {**connections.settings["default"]}
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "pool"}
    settings |= {"OPTIONS": options, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    if connections["default"].settings_dict == settings:
        return
    connections["default"].close()
    own = connections.create_connection("default")
    own.settings_dict = settings
    connections["default"] = own


@contextmanager
def read_only_sessions() -> Iterator[None]:
    """Have every session that this process opens meanwhile read only: for commands.

    libpq would not take such a session for one that an address with `read-write` asks for.
    """
    session = connections["default"]
    options, given = session.settings_dict["OPTIONS"], os.environ.get("PGOPTIONS")
    target = options.get(TARGET)
    os.environ["PGOPTIONS"] = f"{given or ''} {READ_ONLY}".strip()
    if target == WRITES:
        options[TARGET] = PRIMARY
    try:
        yield
    finally:
        del os.environ["PGOPTIONS"]
        os.environ.update({} if given is None else {"PGOPTIONS": given})
        if target is not None:
            options[TARGET] = target
        session.close()
        session.close_pool()  # type: ignore[attr-defined]  # the Postgres backend's


def leave_read_only(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have a connection left whose server takes no writes any more (of `connection_created`).

    Only where the address asks for a server that takes them, among others: then that one is away,
    as far as its callers know, and the next connection is made to whichever does.
    """
    if _execute_or_leave not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute_or_leave)


def _execute_or_leave(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    try:
        return execute(sql, params, many, context)
    except InternalError as error:
        ours: BaseDatabaseWrapper = context["connection"]
        wanted = ours.settings_dict["OPTIONS"].get(TARGET) == WRITES
        if not wanted or not isinstance(error.__cause__, ReadOnlySqlTransaction):
            raise
        ours.connection.close()  # the driver's: the pool drops it, too
        raise OperationalError(str(error)) from error.__cause__


async def in_thread(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` in a thread that has a connection of its own, and keeps it.

    It sees the caller's context: what it logs belongs to the same request or run.
    """
    context = copy_context()

    def call() -> Caught[T]:
        leave_pool()
        try:
            # A kind's function too: not everything can be set on a future.
            return context.run(caught, partial(fn, *args, **kwargs))
        finally:
            close_old_connections()

    return (await asyncio.get_running_loop().run_in_executor(_threads, call)).open()


async def read_in_thread(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn`, which only reads, as `in_thread`; again while the database is away.

    Raises what it raised last once the database has been away for a minute.
    """
    loop = asyncio.get_running_loop()
    give_up_at, pause = loop.time() + AWAY_SECONDS, FIRST_PAUSE_SECONDS
    while True:
        try:
            return await in_thread(fn, *args, **kwargs)
        except AWAY:
            if loop.time() > give_up_at:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, MOST_PAUSE_SECONDS)
