"""The thread in which a process masks: one for all runs, so that their event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from jobs.secrets.masking import Masks

P = ParamSpec("P")
T = TypeVar("T")

_executor = ThreadPoolExecutor(1, "masking")


async def mask_in_thread(
    masks: Masks, mask: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function that masks, off the loop; calls are served in the order they were made.

    Without secrets there is nothing to do: then it is called at once.
    """
    call = partial(mask, *args, **kwargs)
    if not masks:
        return call()
    return await asyncio.get_running_loop().run_in_executor(_executor, call)


async def add_in_thread(add: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a function that adds secrets to mask, in the same thread."""
    await asyncio.get_running_loop().run_in_executor(_executor, partial(add, *args, **kwargs))
