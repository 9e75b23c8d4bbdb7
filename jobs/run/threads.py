"""Calling what somebody else wrote: a coroutine in a task, a plain function in a thread.

Each gets one of its own, so that what it raises or cancels stays there: an exit does not reach the
event loop, a cancellation of its own making is told from one that was asked for, and plain
functions that wait for each other cannot use up a pool of threads.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from django.db import connections

from core.user_code import Caught, KindFault, caught, parts
from jobs.run.control import CALLER, RunControl
from jobs.run.errors import SIGNALS, Cancelled, JobFailed, StepFailed, foremost_error

ENDS = (*SIGNALS, Cancelled, JobFailed, StepFailed)  # what a group of errors comes down to
OWN_CANCEL = "cancelled by its own code"


def is_async(fn: object) -> bool:
    """Whether calling it makes a coroutine: an `async def`, or an object with such a `__call__`."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


async def in_task(
    run: RunControl, fn: Callable[..., Awaitable[Any]], *args: Any, is_handler: bool = False
) -> Any:
    """Await what `fn` returns in a task of its own.

    That counts as part of the branch that calls, but for a handler, whose tasks are its branches.
    Cancelled, cancels that and still waits for it. Raises CancelledError only then, and otherwise
    a KindFault for whatever is no `Exception` and no signal of the run's.
    """
    context = None if is_handler else run.branch_context()
    work = asyncio.create_task(_catch_error(fn, *args), context=context)
    asked = False
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            asked = True
            work.cancel()
    if work.cancelled():  # by itself, as the last that it did
        return _unwrap(run, Caught(error=asyncio.CancelledError()), asked=asked)
    return _unwrap(run, work.result(), asked=asked)


async def in_thread(
    run: RunControl,
    end: Callable[[int | None], Awaitable[None]] | None,
    fn: Callable[..., Any],
    *args: Any,
) -> Any:
    """Call a plain function in a thread; cancelled, still wait for it: it acts as long as it runs.

    Else the next attempt, or the next job on its targets, would act beside it. `end`, which gets
    the thread, hurries it, once for each time that this is cancelled.
    """
    loop, context = asyncio.get_running_loop(), copy_context()
    ended: asyncio.Future[Caught[Any]] = loop.create_future()

    def work() -> None:
        context.run(CALLER.set, threading.get_ident())
        result = caught(context.run, fn, *args)
        caught(connections.close_all)  # the thread's own: nobody uses them again
        with suppress(RuntimeError):  # the loop has gone, and the caller with it
            loop.call_soon_threadsafe(ended.set_result, result)

    thread = threading.Thread(target=work, name="plain function", daemon=True)
    thread.start()
    with run.at_work(+1):
        if cancelled := await _wait_for_thread(ended, end and partial(end, thread.ident)):
            raise cancelled
    return _unwrap(run, ended.result(), asked=False)


async def _wait_for_thread(
    ended: asyncio.Future[Any], end: Callable[[], Awaitable[None]] | None
) -> asyncio.CancelledError | None:
    """Wait for `ended`; return the error of the last time that this was cancelled meanwhile."""
    cancelled = None
    while not ended.done():
        try:
            if cancelled and end:
                await end()
            await asyncio.wait({ended})
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def call_function(run: RunControl, fn: Callable[..., Any], *args: Any) -> Any:
    """Call an `async def`, or a plain function in a thread, as it may wait for steps."""
    if is_async(fn):
        return await in_task(run, fn, *args)
    result = await in_thread(run, None, fn, *args)
    return await in_task(run, lambda: result) if inspect.isawaitable(result) else result


async def _catch_error(fn: Callable[..., Awaitable[Any]], *args: Any) -> Caught[Any]:
    try:
        return Caught(await fn(*args))
    except BaseException as error:  # noqa: BLE001 - a kind's code; raised again where it is awaited
        return Caught(error=error)


def _unwrap(run: RunControl, end: Caught[Any], *, asked: bool) -> Any:
    if isinstance(end.error, BaseExceptionGroup) and (
        first := foremost_error(parts(end.error), ENDS)
    ):
        end = Caught(error=first)
    if isinstance(end.error, asyncio.CancelledError):
        raise end.error if asked else KindFault(end.error, OWN_CANCEL)
    return end.open(run.is_signal)
