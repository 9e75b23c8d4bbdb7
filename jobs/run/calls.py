"""Calling what somebody else wrote: a step's function, a plain function in a thread."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from jobs.run.step import Step, StepFn


async def call_step(fn: StepFn, step: Step) -> Any:
    """Call a step's function, `async def` or plain `def`, and return its result."""
    if inspect.iscoroutinefunction(fn):
        return await fn(step)
    result = await in_thread(None, fn, step)
    return await result if inspect.isawaitable(result) else result


async def in_thread(
    end: Callable[[], Awaitable[None]] | None, fn: Callable[..., Any], *args: Any
) -> Any:
    """Call a plain function in a thread; cancelled, still wait for it: it acts as long as it runs.

    Else the next attempt, or the next job on its targets, would act beside it. `end` hurries it.
    """
    work = asyncio.ensure_future(asyncio.to_thread(fn, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if end is not None:
            await end()
        await asyncio.wait({work})
        raise
